use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{EndpointId, Message, ReplayScope, Timestamp};
use gancho_store::Replay;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::create;
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        page::Id,
        problem::Answer,
        read,
    },
    auth::Admin,
};

/// What to send again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct ReplayInput {
    /// Events that arrived at this time or later.
    since: String,
    /// And before this time; now if left out.
    until: Option<String>,
    /// Types and patterns; all if left out.
    events: Option<Vec<String>>,
    /// `failed`, `missed` (would have been sent, had the endpoint been enabled) or `all`; `failed` if left out.
    only: Option<String>,
    /// Only count.
    dry_run: Option<bool>,
}

/// How many.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayOutput {
    count: u64,
}

/// Sends events again, with the ids they had, beside the live ones and without touching the endpoint's health.
#[utoipa::path(post, path = "/endpoints/{id}/replay", tag = "endpoints", params(("id" = String, Path)), request_body = ReplayInput,
    responses((status = 202, body = ReplayOutput, description = "on their way"), (status = 200, body = ReplayOutput, description = "counted only")))]
pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    body: Json,
) -> Answer<(StatusCode, Out<ReplayOutput>)> {
    let replay = what(&app, id, body.value)?;
    let count = run(&app, &replay, |_| {}).await?;
    if !replay.dry_run {
        noted(&app, id, count, &app.who(caller).await).await;
    }
    let status = if replay.dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Out(ReplayOutput { count })))
}

/// What is to be sent again.
pub(crate) fn what(app: &App, id: EndpointId, input: Value) -> Answer<Replay> {
    let mut errors = Errors::default();
    let replay = read(app, id, input, app.environment.now(), &mut errors);
    errors.finish(replay)
}

/// Sends it again, or counts it, batch after batch; says how far it is.
pub(crate) async fn run(app: &App, replay: &Replay, mut tell: impl FnMut(u64)) -> Answer<u64> {
    let (mut count, mut after, now) = (0, None, app.environment.moment());
    loop {
        let replayed = app.store.replay(replay.clone(), after, now).await?;
        count += replayed.count;
        tell(count);
        after = replayed.next;
        if after.is_none() {
            return Ok(count);
        }
    }
}

/// Keeps who did so.
pub(crate) async fn noted(app: &App, id: EndpointId, count: u64, who: &str) {
    let name = app.store.endpoint(id).await.map(|endpoint| create::called(&endpoint)).unwrap_or_default();
    let details = [("count".to_owned(), count.into())].into_iter().collect();
    app.note(who, "endpoint.replayed", &id, name, details).await;
}

fn read(app: &App, endpoint: EndpointId, body: Value, now: Timestamp, errors: &mut Errors) -> Option<Replay> {
    let mut fields = Fields::of(body, "", errors)?;
    let since = fields.required("since", read::time);
    let until = fields.optional("until", read::time);
    let types = fields.optional("events", read::list(1, 100, read::pattern)).unwrap_or_default();
    let only = fields.optional("only", only).unwrap_or(ReplayScope::Failed);
    let dry_run = fields.optional("dry_run", read::flag).unwrap_or(false);
    if since.zip(until).is_some_and(|(since, until)| until <= since) {
        fields.wrong("until", Message::new("error-until"));
    }
    fields.end();
    let bytes_max = app.limits.event_bytes as u64;
    // What arrives while it runs is on its way already.
    Some(Replay { endpoint, since: since?, until: until.or(Some(now)), types, only, dry_run, bytes_max })
}

fn only(value: Value) -> Result<ReplayScope, Message> {
    match value.as_str() {
        Some("failed") => Ok(ReplayScope::Failed),
        Some("missed") => Ok(ReplayScope::Missed),
        Some("all") => Ok(ReplayScope::All),
        _ => Err(Message::new("error-only")),
    }
}
