use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{Finding, Message, Source, SourceId, SourceKind, Timestamp};
use gancho_words::Words;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// What works and what is missing, line by line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckView {
    /// Whether all of it works.
    ok: bool,
    checks: Vec<Check>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
struct Check {
    name: String,
    ok: bool,
    /// What was found, and what to do if it is not well.
    message: String,
}

/// Checks a source: of a database, what is in place and which right is missing. A plugin pushes by itself: what can
/// be checked from here is whether it has been heard.
#[utoipa::path(post, path = "/sources/{id}/check", tag = "sources", params(("id" = String, Path)),
    responses((status = 200, body = CheckView)))]
pub(crate) async fn check(State(app): State<Arc<App>>, _: Admin, Id(id): Id<SourceId>) -> Answer<Json<CheckView>> {
    let source = app.store.source(id).await?;
    let findings = findings(&app, &source, |at| at.to_string()).await;
    let line = |Finding { name, ok, message }| Check { name, ok, message: Words::english().message(&message) };
    let checks: Vec<Check> = findings.into_iter().map(line).collect();
    Ok(Json(CheckView { ok: checks.iter().all(|check| check.ok), checks }))
}

/// `written` puts a time as the reader does.
pub(crate) async fn findings(app: &App, source: &Source, written: impl Fn(Timestamp) -> String) -> Vec<Finding> {
    match source.kind {
        SourceKind::Plugin => plugin(app, source, heard(source, written)),
        _ => app.sources.check(source).await,
    }
}

/// What the plugin says of itself, as of its last sign.
fn plugin(app: &App, source: &Source, heard: Finding) -> Vec<Finding> {
    let Some(status) = app.sources.status(source.id).and_then(|status| status.plugin) else { return vec![heard] };
    let facts = |input: Message| input.with("version", status.plugin.as_str()).with("erp", status.erp.as_str());
    let mode = if status.mode == "triggers" { "check-plugin-triggers" } else { "check-plugin-models" };
    let mut found = vec![heard, Finding::good("plugin", facts(Message::new(mode)))];
    found.push(Finding::good("outbox", Message::new("check-outbox").with("count", status.backlog)));
    if status.lost > 0 {
        let lost = Message::new("check-lost").with("count", status.lost).with("table", "ganchoplugin_lost");
        found.push(Finding::bad("lost", lost));
    }
    if let Some(why) = status.error {
        found.push(Finding::bad("plugin", Message::new("plugin-error").with("why", why)));
    }
    found
}

fn heard(source: &Source, written: impl Fn(Timestamp) -> String) -> Finding {
    match source.heard_at {
        Some(at) => Finding::good("heard", Message::new("check-heard").with("at", written(at))),
        None => Finding::bad("heard", Message::new("check-not-heard")),
    }
}
