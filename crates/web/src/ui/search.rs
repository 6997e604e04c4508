//! One box that finds anything: a document's number, an id, a URL.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{DeliveryId, EndpointId, EventId, SourceId};

use super::{
    current_user::CurrentUser,
    error,
    event::{
        list::{self, EventRow},
        why,
    },
    go, page,
    page_context::PageContext,
    query::Query,
    webhook::names,
};
use crate::{App, api::problem::Answer};

/// Events shown.
const EVENTS: usize = 30;

#[derive(Template)]
#[template(path = "search.html")]
struct SearchPage {
    context: PageContext,
    asked: String,
    rows: Vec<EventRow>,
    webhooks: Vec<(String, String, String)>,
    sources: Vec<(String, String)>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, query: Query) -> Response {
    let asked = query.text("q");
    if let Some(path) = page_of(asked) {
        return go(&app, &path);
    }
    let context = PageContext::new(&app, &visitor, "", "search-title");
    match read(&app, &context, asked).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

/// The page of an id of ours.
fn page_of(asked: &str) -> Option<String> {
    if asked.parse::<DeliveryId>().is_ok() {
        return Some(format!("/deliveries/{asked}"));
    }
    if asked.parse::<EventId>().is_ok() {
        return Some(format!("/events/{asked}"));
    }
    if asked.parse::<EndpointId>().is_ok() {
        return Some(format!("/webhooks/{asked}"));
    }
    asked.parse::<SourceId>().is_ok().then(|| format!("/sources/{asked}"))
}

async fn read(app: &App, context: &PageContext, asked: &str) -> Answer<SearchPage> {
    let small = asked.to_lowercase();
    let matches = |text: &str| !small.is_empty() && text.to_lowercase().contains(&small);
    let all = list::sources(app).await?;
    let endpoints = app.store.all_endpoints().await?;
    let events = if asked.is_empty() { vec![] } else { why::named(app, asked, EVENTS).await? };
    let webhooks = endpoints.iter().map(|endpoint| (endpoint, names(endpoint)));
    // A viewer must not learn by searching what is masked.
    let webhooks = webhooks
        .filter(|(endpoint, (name, host))| matches(name) || matches(host) || (context.admin && matches(&endpoint.url)));
    Ok(SearchPage {
        context: context.clone(),
        asked: asked.to_owned(),
        rows: events.iter().map(|event| EventRow::new(context, event, &all)).collect(),
        webhooks: webhooks.map(|(endpoint, (name, host))| (endpoint.id.to_string(), name, host)).collect(),
        sources: all.into_iter().filter(|(_, name)| matches(name)).collect(),
    })
}
