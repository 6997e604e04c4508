//! What a form asks while it is being filled in: can the URL be reached, which events would match?

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Pattern, target};
use gancho_service::Finding;
use gancho_store::EventFilter;

use crate::{
    App,
    ui::{current_user::CurrentAdmin, page, page_context::PageContext, query::Query, say},
};

/// A week, milliseconds.
const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;
/// Events counted; more are "500 or more".
const COUNTED_MAX: usize = 500;
/// Events shown.
const SHOWN: usize = 3;

#[derive(Template)]
#[template(path = "webhook_look.html")]
struct PreviewPage {
    context: PageContext,
    findings: Vec<(bool, String)>,
    asked: bool,
    count: u64,
    more: bool,
    examples: Vec<String>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "", "webhook-new-title");
    let words = context.words.clone();
    let findings = match query.get("url").map(target::parse) {
        None => vec![],
        Some(Err(error)) => vec![Finding::bad("url", error.message())],
        Some(Ok(url)) => app.services.probing.probe(url.as_str()).await,
    };
    let findings = findings.into_iter().map(|finding| (finding.ok, words.message(&finding.message))).collect();
    let patterns = query.all("events").into_iter().chain(query.text("more").split(','));
    let types: Vec<Pattern> = patterns.filter_map(|text| Pattern::parse(text.trim()).ok()).collect();
    let asked = !types.is_empty();
    let filter = EventFilter { types, since: Some(context.now.plus_ms(-WEEK_MS)), ..EventFilter::default() };
    let found = if asked { app.store.recent(None, filter, COUNTED_MAX).await.ok() } else { None };
    let (found, next) = found.map_or_else(Default::default, |page| (page.items, page.next));
    let titles = found.iter().take(SHOWN).map(|event| say::event(&words, &event.event, event.label.as_deref()));
    let (count, more) = (found.len() as u64, next.is_some());
    page(&PreviewPage { findings, asked, count, more, examples: titles.collect(), context })
}
