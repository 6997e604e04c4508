use std::{collections::HashSet, sync::Arc};

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Counters, Endpoint, EndpointId, HealthState, Issue, Message, State as DeliveryState, Timestamp};
use gancho_store::{DeliveryFilter, EndpointBacklog};

use super::{
    current_user::CurrentUser,
    draw::{self, Bar},
    error,
    figures::Figures,
    issue::{self, IssueRow},
    page,
    page_context::PageContext,
    query::Query,
    say::{self, HealthFacts},
    source,
    webhook::names,
};
use crate::{App, api::problem::Answer};

/// Maximum issues shown per webhook; its page shows all of them.
const ISSUES: usize = 3;
/// Webhooks that are searched for a test that arrived.
const TESTED: usize = 10;

/// An object that needs attention.
struct Alert {
    link: String,
    name: String,
    colour: &'static str,
    text: String,
    /// Its failures by cause.
    issues: Vec<IssueRow>,
}

/// A setup step up to the first delivery.
struct Step {
    done: bool,
    link: &'static str,
    id: &'static str,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    context: PageContext,
    cares: Vec<Alert>,
    picture: String,
    figures: Figures,
    sources: Vec<source::list::SourceRow>,
    steps: Vec<Step>,
}

impl OverviewPage {
    /// Whether there is an ERP and a webhook: before that, there is no status.
    fn is_connected(&self) -> bool {
        self.steps.iter().take(2).all(|step| step.done)
    }

    fn settled(&self) -> bool {
        self.steps.iter().all(|step| step.done)
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "overview", "overview-title").with_done(query.get("done"));
    match read(&app, &context).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

async fn read(app: &App, context: &PageContext) -> Answer<OverviewPage> {
    let hours = app.store.hours(context.now.plus_ms(-23 * draw::HOUR_MS)).await?;
    let day = draw::last_day(&hours, |_| true, context.now);
    let endpoints = app.store.all_endpoints().await?;
    let backlogs = app.store.backlogs(endpoints.iter().map(|endpoint| endpoint.id).collect()).await?;
    let issues = issue::read(app, context, None).await?;
    let failed = app.store.failed_since(context.now.plus_ms(-draw::DAY_MS)).await?;
    let mut cares = vec![];
    // Failures of listeners concern their developers.
    let listeners: HashSet<EndpointId> = endpoints.iter().filter(|one| one.is_listener()).map(|one| one.id).collect();
    for (endpoint, backlog) in endpoints.iter().zip(&backlogs).filter(|(one, _)| !listeners.contains(&one.id)) {
        let own = draw::sum(&draw::last_day(&hours, |hour| hour.endpoint == endpoint.id, context.now));
        let failed_now = failed.get(&endpoint.id).copied().unwrap_or(0);
        cares.extend(alert(context, endpoint, *backlog, own, (&issues, failed_now)));
    }
    let sources = source::list::rows(app, context).await?;
    cares.extend(sources.iter().filter(|source| ["bad", "warn"].contains(&source.state.1)).map(|source| Alert {
        link: format!("/sources/{}", source.id),
        name: source.name.clone(),
        colour: source.state.1,
        text: source.sentence.clone(),
        issues: vec![],
    }));
    cares.extend(mail_trouble(app, context));
    let delivered = has_delivered(app, &endpoints).await?;
    let heard = sources.iter().any(|source| source.is_received);
    Ok(OverviewPage {
        picture: picture(context, &day),
        figures: Figures::new(
            context,
            &draw::sum(&day),
            EndpointBacklog {
                pending: backlogs.iter().map(|backlog| backlog.pending).sum(),
                oldest_pending_at: backlogs.iter().filter_map(|backlog| backlog.oldest_pending_at).min(),
            },
            failed.iter().filter(|(endpoint, _)| !listeners.contains(endpoint)).map(|(_, count)| count).sum(),
        ),
        steps: vec![
            Step { done: !sources.is_empty(), link: "/sources/new", id: "first-source" },
            Step { done: !endpoints.is_empty(), link: "/webhooks/new", id: "first-webhook" },
            Step { done: delivered, link: "/webhooks", id: "first-delivery" },
            Step { done: heard, link: "/sources", id: "first-heard" },
        ],
        sources,
        cares,
        context: context.clone(),
    })
}

/// Whether any delivery arrived, be it a test: the first one that a newcomer sees usually is.
async fn has_delivered(app: &App, endpoints: &[Endpoint]) -> Answer<bool> {
    if endpoints.iter().any(|endpoint| endpoint.health.last_success_at.is_some()) {
        return Ok(true);
    }
    for endpoint in endpoints.iter().take(TESTED) {
        let arrived = DeliveryFilter {
            endpoint: Some(endpoint.id),
            state: Some(DeliveryState::Delivered),
            ..DeliveryFilter::default()
        };
        if !app.store.deliveries(None, arrived, 1).await?.items.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Alerts that can't be mailed are worse than none: people rely on them.
fn mail_trouble(app: &App, context: &PageContext) -> Option<Alert> {
    let why = app.services.mailing.trouble()?;
    Some(Alert {
        link: "/settings?tab=mail".to_owned(),
        name: context.t("settings-mail"),
        colour: "warn",
        text: context.words.message(&Message::new("mail-trouble").with("why", why)),
        issues: vec![],
    })
}

/// The alert of a webhook, if any.
fn alert(
    context: &PageContext,
    endpoint: &Endpoint,
    backlog: EndpointBacklog,
    day: Counters,
    (issues, failed_now): (&[Issue], u64),
) -> Option<Alert> {
    let own = issues.iter().filter(|issue| issue.endpoint == endpoint.id);
    let open = own.filter(|issue| issue.is_open(&endpoint.health, failed_now, context.now));
    let issues: Vec<IssueRow> =
        open.map(|issue| IssueRow::new(context, issue, true, failed_now)).take(ISSUES).collect();
    let is_bad = needs_care(endpoint);
    // Paused, its events pile up: the user who paused it may have forgotten.
    let is_paused = endpoint.enabled && endpoint.paused;
    if !is_bad && !is_paused && issues.is_empty() {
        return None;
    }
    // A webhook with a problem has sent something.
    let facts = HealthFacts { endpoint, backlog, day, has_skipped: false, now: context.moment };
    Some(Alert {
        link: format!("/webhooks/{}", endpoint.id),
        name: names(endpoint).0,
        colour: if is_bad { "bad" } else { "warn" },
        text: say::health_summary(&context.words, &facts),
        issues,
    })
}

/// Whether it needs attention: it is failing, or was not disabled by a user.
fn needs_care(endpoint: &Endpoint) -> bool {
    match endpoint.health.state(endpoint.enabled, endpoint.paused) {
        HealthState::Failing => true,
        HealthState::Disabled => endpoint.disabled_reason.is_some(),
        _ => false,
    }
}

/// A day as a chart.
pub(crate) fn picture(context: &PageContext, day: &[Counters; 24]) -> String {
    let words = &context.words;
    let last = context.now.ms().div_euclid(draw::HOUR_MS);
    let bar = |(place, counters): (usize, &Counters)| {
        let hour = last - 23 + i64::try_from(place).unwrap_or(0);
        let hour = words.hour(Timestamp::from_ms(hour * draw::HOUR_MS));
        let message = Message::new("hour-title")
            .with("hour", hour.as_str())
            .with("delivered", counters.delivered)
            .with("retried", counters.retried)
            .with("failed", counters.failed);
        Bar { counters: *counters, title: words.message(&message), hour }
    };
    let bars: Vec<Bar> = day.iter().enumerate().map(bar).collect();
    let sum = draw::sum(day);
    let message = Message::new("day-title")
        .with("delivered", sum.delivered)
        .with("retried", sum.retried)
        .with("failed", sum.failed);
    draw::day(&bars, &words.message(&message))
}
