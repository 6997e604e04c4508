use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Endpoint, EndpointId, Source, SourceKind, mask};
use gancho_service::endpoint::PRESETS;
use gancho_store::{DeliveryFilter, EndpointBacklog};

use super::{
    evidence::{self, Evidence},
    fill, names,
    origins::{self, OriginChoice},
    tree::{self, Branch},
};
use crate::{
    App, api,
    api::problem::{Answer, Problem},
    ui::{
        current_user::CurrentUser,
        delivery::list::DeliveryRow,
        draw, error,
        figures::Figures,
        form::Form,
        id::Id,
        issue::{self, IssueRow},
        job::{self, JobView},
        page,
        page_context::PageContext,
        query::Query,
        say::{self, HealthFacts},
        settings::history::{self, AuditPage},
    },
};

/// A webhook's settings besides its address and events: the end of each label's name, and its field in the form.
const RULES: [(&str, &str); 12] = [
    ("description", "description"),
    ("condition", "condition"),
    ("ignore-origins", "ignore_origins"),
    ("companies", "companies"),
    ("include", "include"),
    ("mask", "mask"),
    ("template", "template"),
    ("headers", "headers"),
    ("retry", "retry"),
    ("timeout", "timeout_ms"),
    ("rate", "rate_per_s"),
    ("flight", "max_in_flight"),
];
/// Maximum deliveries shown in their tab.
const DELIVERIES: usize = 25;

#[derive(Template)]
#[template(path = "webhook.html")]
struct WebhookPage {
    context: PageContext,
    tab: &'static str,
    endpoint: Endpoint,
    url: String,
    backlog: EndpointBacklog,
    state: (String, &'static str),
    sentence: String,
    picture: String,
    figures: Figures,
    evidence: Option<Evidence>,
    issues: Vec<IssueRow>,
    rows: Vec<DeliveryRow>,
    choose: bool,
    entries: AuditPage,
    form: Form,
    is_new: bool,
    tree: Vec<Branch>,
    sources: Vec<Source>,
    origins: Vec<OriginChoice>,
    secret: Option<(String, Option<String>)>,
    job: Option<JobView>,
    counted: Option<u64>,
}

impl WebhookPage {
    fn is_tab(&self, name: &str) -> bool {
        self.tab == name
    }

    fn removed_sources(&self) -> Vec<String> {
        fill::removed_sources(&self.form, &self.sources)
    }

    /// What those see who may not change it: labels and values.
    fn rules(&self) -> Vec<(String, String)> {
        let filled = |(label, name): &(&str, &str)| {
            let values: Vec<&str> = self.form.values(name).into_iter().filter(|value| !value.is_empty()).collect();
            (!values.is_empty()).then(|| (self.context.t(format!("label-{label}")), values.join(", ")))
        };
        let restricted = self.sources.iter().filter(|source| self.endpoint.sources.contains(&source.id));
        let sources: Vec<&str> = restricted.map(|source| source.name.as_str()).collect();
        let sources = (!sources.is_empty()).then(|| (self.context.t("label-sources"), sources.join(", ")));
        sources.into_iter().chain(RULES.iter().filter_map(filled)).collect()
    }

    /// Whether an ERP's records can be read: not through its plugin.
    fn is_askable(&self, source: &Source) -> bool {
        source.kind != SourceKind::Plugin
    }

    fn has_askable_source(&self) -> bool {
        self.sources.iter().any(|source| self.is_askable(source))
    }

    fn has_open_issues(&self) -> bool {
        self.issues.iter().any(|issue| issue.is_open)
    }
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: CurrentUser,
    Id(id): Id<EndpointId>,
    query: Query,
) -> Response {
    let tab = match query.text("tab") {
        "deliveries" => "deliveries",
        "test" => "test",
        "settings" => "settings",
        "history" => "history",
        _ => "summary",
    };
    let context = PageContext::new(&app, &visitor, "webhooks", "webhooks-title").with_done(query.get("done"));
    let built = build(&app, context, id, tab, query.text("secret") == "show").await;
    respond(with_history(&app, built, &query).await)
}

async fn with_history(app: &App, built: Built, query: &Query) -> Built {
    let mut built = built?;
    if built.tab == "history" {
        let (id, here) = (built.endpoint.id, format!("/webhooks/{}?tab=history", built.endpoint.id));
        match history::read(app, &built.context, Some(id.to_string()), query, &here).await {
            Ok(entries) => built.entries = entries,
            Err(problem) => return Err((built.context, problem)),
        }
    }
    Ok(built)
}

/// A page, or the problem.
type Built = Result<Box<WebhookPage>, (PageContext, Problem)>;

fn respond(built: Built) -> Response {
    match built {
        Ok(built) => page(&*built),
        Err((context, problem)) => error::of(context, &problem),
    }
}

/// The settings again, with their errors.
pub(super) async fn refused(
    app: &App,
    visitor: CurrentUser,
    id: EndpointId,
    form: Form,
    problem: &Problem,
) -> Response {
    let context = PageContext::new(app, &visitor, "webhooks", "webhooks-title");
    match build(app, context, id, "settings", false).await {
        Ok(mut built) => {
            built.form = form.refused(problem, &built.context.words);
            crate::ui::refused(&*built)
        }
        Err((context, problem)) => error::of(context, &problem),
    }
}

/// The summary again, with the number of deliveries to confirm, or with the errors of its form.
pub(super) async fn summary(
    app: &App,
    visitor: CurrentUser,
    id: EndpointId,
    form: Form,
    counted: Result<Option<u64>, &Problem>,
) -> Response {
    let context = PageContext::new(app, &visitor, "webhooks", "webhooks-title");
    match (build(app, context, id, "summary", false).await, counted) {
        (Ok(mut built), Ok(count)) => {
            (built.form, built.counted) = (form, count);
            page(&*built)
        }
        (Ok(mut built), Err(problem)) => {
            built.form = form.refused(problem, &built.context.words);
            crate::ui::refused(&*built)
        }
        (Err((context, problem)), _) => error::of(context, &problem),
    }
}

async fn build(app: &App, context: PageContext, id: EndpointId, tab: &'static str, with_secret: bool) -> Built {
    match read(app, &context, id, tab, with_secret).await {
        Ok(read) => Ok(Box::new(WebhookPage { context: context.titled(names(&read.endpoint).0), ..read })),
        Err(problem) => Err((context, problem)),
    }
}

async fn read(
    app: &App,
    context: &PageContext,
    id: EndpointId,
    tab: &'static str,
    with_secret: bool,
) -> Answer<WebhookPage> {
    let endpoint = app.store.endpoint(id).await?;
    let backlog = app.store.backlogs(vec![id]).await?.pop().unwrap_or_default();
    let hours = app.store.hours(context.now.plus_ms(-23 * draw::HOUR_MS)).await?;
    let day = draw::last_day(&hours, |hour| hour.endpoint == id, context.now);
    let sum = draw::sum(&day);
    let failed = app.store.failed_since(context.now.plus_ms(-draw::DAY_MS)).await?.get(&id).copied().unwrap_or(0);
    let has_skipped = app.services.has_skipped_all(&endpoint).await?;
    let facts = HealthFacts { endpoint: &endpoint, backlog, day: sum, has_skipped, now: context.moment };
    let words = &context.words;
    let rows = if ["summary", "deliveries"].contains(&tab) { rows(app, context, id, tab).await? } else { vec![] };
    let secret = if context.admin && with_secret {
        Some(api::endpoint::secret::SecretView::new(&endpoint.secrets, context.now))
    } else {
        None
    };
    let form = fill::form(&endpoint);
    Ok(WebhookPage {
        tab,
        url: if context.admin { endpoint.url.clone() } else { mask::url(&endpoint.url) },
        state: say::health_state(words, &endpoint),
        sentence: say::health_summary(words, &facts),
        picture: crate::ui::overview::picture(context, &day),
        figures: Figures::new(context, &sum, backlog, failed),
        evidence: if tab == "summary" { evidence::read(app, context, &endpoint).await? } else { None },
        issues: if tab == "summary" { issues(app, context, &endpoint, failed).await? } else { vec![] },
        rows,
        choose: false,
        entries: AuditPage::default(),
        origins: if tab == "settings" { origins::choices(app, &form).await } else { vec![] },
        form,
        is_new: false,
        tree: if tab == "history" { vec![] } else { tree::tree(words) },
        sources: app.store.sources().await?,
        secret: secret.map(|view| (view.secret, view.previous)),
        job: job::read(app, context, &id.to_string()).await?,
        counted: None,
        backlog,
        endpoint,
        context: context.clone(),
    })
}

async fn issues(app: &App, context: &PageContext, endpoint: &Endpoint, failed: u64) -> Answer<Vec<IssueRow>> {
    let issues = issue::read(app, context, Some(endpoint.id)).await?;
    let row = |one| IssueRow::new(context, one, one.is_open(&endpoint.health, failed, context.now), failed);
    Ok(issues.iter().map(row).collect())
}

async fn rows(app: &App, context: &PageContext, id: EndpointId, tab: &str) -> Answer<Vec<DeliveryRow>> {
    let filter = DeliveryFilter { endpoint: Some(id), ..DeliveryFilter::default() };
    let limit = if tab == "summary" { 8 } else { DELIVERIES };
    let found = app.store.deliveries(None, filter, limit).await?;
    Ok(found.items.iter().map(|delivery| DeliveryRow::new(context, delivery, "")).collect())
}
