//! Resends failed, missed or all events: counted first, then sent as a background job.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{EndpointId, Message, ObjectKey, Pattern, ReplayScope, Timestamp};
use gancho_service::{endpoint::ReplayInput, input::List};
use gancho_store::{EventFilter, Replay};

use super::show;
use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, error, form::Form, go, id::Id, page_context::PageContext},
};

const DAY_MS: i64 = 24 * 3600 * 1000;

pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
    form: Form,
) -> Response {
    match count(&app, id, &form).await {
        // Also if the form was changed since it was counted.
        Ok((_, total)) if form.value("sure") != total.to_string() => {
            show::summary(&app, visitor, id, form, Ok(Some(total))).await
        }
        Ok((replay, total)) => match app.services.start_replay(replay, total, visitor.user.name.clone()).await {
            Ok(()) => go(&app, &format!("/webhooks/{id}?done=replay-begun#main")),
            Err(problem) => error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem.into()),
        },
        Err(problem) => show::summary(&app, visitor, id, form, Err(&problem)).await,
    }
}

async fn count(app: &App, id: EndpointId, form: &Form) -> Answer<(Replay, u64)> {
    let mut input = input(form, app.environment.now())?;
    input.object = document(app, &input, form.value("document").trim()).await?;
    let replay = app.services.planned_replay(id, input);
    let total = app.services.count_replay(&replay).await?;
    Ok((replay, total))
}

fn input(form: &Form, now: Timestamp) -> Answer<ReplayInput> {
    let days = form.value("days").parse::<i64>().unwrap_or(1).clamp(1, 3650);
    let only = match form.value("only") {
        "" => ReplayScope::Failed,
        word => ReplayScope::parse(word).ok_or_else(|| Problem::field("only", Message::new("error-only")))?,
    };
    let events = match form.value("type") {
        "" => None,
        text => {
            Some(List(vec![Pattern::parse(text).map_err(|_| Problem::field("type", Message::new("error-pattern")))?]))
        }
    };
    let since = now.plus_ms(-days * DAY_MS);
    Ok(ReplayInput { since, until: None, events, object: None, only: Some(only), dry_run: None })
}

/// The record with this name according to its latest event; `None` if no name is entered.
async fn document(app: &App, input: &ReplayInput, name: &str) -> Answer<Option<ObjectKey>> {
    if name.is_empty() {
        return Ok(None);
    }
    let types = input.events.as_ref().map(|events| events.0.clone()).unwrap_or_default();
    let filter = EventFilter { types, label: Some(name.to_owned()), exactly: true, ..EventFilter::default() };
    let last = app.store.recent(None, filter, 1).await?.items.pop();
    let object = last.and_then(|event| event.object);
    object.map(Some).ok_or_else(|| Problem::field("document", Message::new("error-document").with("name", name)))
}
