use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Delivery, Endpoint, ErrorKind, State as DeliveryState};
use gancho_service::job::DELIVERIES;
use gancho_store::DeliveryFilter;

use super::{
    filter::{self, NAMES},
    reason::reason_word,
};
use crate::{
    App,
    api::problem::Answer,
    ui::{
        current_user::CurrentUser,
        error,
        job::{self, JobView},
        page,
        page_context::PageContext,
        query::Query,
        say,
    },
};

/// Deliveries per page.
const LIMIT: usize = 50;

/// A delivery in a list.
pub(crate) struct DeliveryRow {
    pub id: String,
    pub state: (String, &'static str),
    pub what: String,
    pub kind: String,
    pub webhook: String,
    pub answer: String,
    pub why: String,
    pub took: String,
    pub attempts: String,
    pub next: String,
    pub at: String,
    pub at_full: String,
    pub test: bool,
}

impl DeliveryRow {
    /// `webhook` is the endpoint's display name; empty if it is clear.
    pub fn new(context: &PageContext, delivery: &Delivery, webhook: &str) -> Self {
        let words = &context.words;
        let last = delivery.last;
        let answer = match last.map(|last| (last.status_code, last.error)) {
            Some((Some(status), None | Some(ErrorKind::Status))) => status.to_string(),
            Some((_, Some(kind))) => words.get(&format!("error-kind-{}", kind.as_str())),
            _ => delivery.reason.map_or_else(String::new, |reason| reason_word(context, reason)),
        };
        Self {
            id: delivery.id.to_string(),
            state: say::state(words, delivery.state),
            what: say::event(words, &delivery.event, delivery.label.as_deref()),
            kind: delivery.event.to_string(),
            webhook: webhook.to_owned(),
            answer,
            why: last.map_or_else(String::new, |last| {
                if last.error.is_some() { words.why(last.status_code, last.error) } else { String::new() }
            }),
            took: last.map_or_else(String::new, |last| words.span(last.duration_ms.into())),
            attempts: format!("{}/{}", delivery.attempts, delivery.max_attempts),
            next: words.waiting(delivery.waiting_for, delivery.next_attempt_at, context.now),
            at: words.short(delivery.created_at, context.now),
            at_full: words.full(delivery.created_at),
            test: delivery.lane == gancho_model::Priority::Test,
        }
    }
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct DeliveriesPage {
    context: PageContext,
    query: Query,
    rows: Vec<DeliveryRow>,
    /// Whether rows can be selected.
    choose: bool,
    webhooks: Vec<(String, String)>,
    next: Option<String>,
    job: Option<JobView>,
    newer: bool,
    /// The message for an invalid filter.
    unread: String,
}

impl DeliveriesPage {
    fn has(&self, name: &str, value: &str) -> bool {
        self.query.text(name) == value
    }

    fn states(&self) -> Vec<(&'static str, String)> {
        DeliveryState::ALL.iter().map(|state| (state.as_str(), say::state(&self.context.words, *state).0)).collect()
    }

    /// Status classes and error kinds, with their names.
    fn answers(&self) -> Vec<(String, String)> {
        let classes = ["2xx", "3xx", "4xx", "5xx"].map(|class| (class.to_owned(), class.to_owned()));
        let kinds = ErrorKind::ALL
            .iter()
            .filter(|kind| **kind != ErrorKind::Status)
            .map(|kind| (kind.as_str().to_owned(), self.context.words.get(&format!("error-kind-{}", kind.as_str()))));
        classes.into_iter().chain(kinds).collect()
    }

    fn next_link(&self, next: &str) -> String {
        self.context.link(format!("/deliveries?{}", self.query.with(&NAMES, Some(("after", next)))))
    }

    fn first_link(&self) -> String {
        self.context.link(format!("/deliveries?{}", self.query.with(&NAMES, None)))
    }

    fn bulk_link(&self, act: &str) -> String {
        self.context.link(format!("/deliveries/{act}?{}", self.query.with(&NAMES, None)))
    }

    fn is_filtered(&self) -> bool {
        NAMES.iter().any(|name| self.query.get(name).is_some())
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "deliveries", "deliveries-title").with_done(query.get("done"));
    let (filter, unread) = match filter::read(&query, &context.words, context.now) {
        Ok(filter) => (Some(filter), String::new()),
        Err(unread) => (None, context.unread(&unread)),
    };
    match read(&app, &context, &query, filter).await {
        Ok((rows, webhooks, next)) => {
            let job =
                if context.admin { job::read(&app, &context, DELIVERIES).await.unwrap_or_default() } else { None };
            let newer = query.get("after").is_some();
            page(&DeliveriesPage { choose: context.admin, context, query, rows, webhooks, next, job, newer, unread })
        }
        Err(problem) => error::of(context, &problem),
    }
}

type Read = (Vec<DeliveryRow>, Vec<(String, String)>, Option<String>);

async fn read(app: &App, context: &PageContext, query: &Query, filter: Option<DeliveryFilter>) -> Answer<Read> {
    let after = query.read("after", |text| text.parse().ok());
    let found = match filter {
        Some(filter) => app.store.deliveries(after, filter, LIMIT).await?,
        None => gancho_store::Page { items: vec![], next: None },
    };
    let endpoints = app.store.all_endpoints().await?;
    let rows = found
        .items
        .iter()
        .map(|delivery| DeliveryRow::new(context, delivery, &webhook(&endpoints, delivery)))
        .collect();
    let webhooks = endpoints.iter().map(|endpoint| (endpoint.id.to_string(), super::super::webhook::names(endpoint).0));
    Ok((rows, webhooks.collect(), found.next.map(|id| id.to_string())))
}

/// The display name of a delivery's endpoint; its host if it was removed.
pub(crate) fn webhook(endpoints: &[Endpoint], delivery: &Delivery) -> String {
    let known = endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint_id);
    let host = || url::Url::parse(&delivery.url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
    known.map(|endpoint| super::super::webhook::names(endpoint).0).or_else(host).unwrap_or_default()
}
