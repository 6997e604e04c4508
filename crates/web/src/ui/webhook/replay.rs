//! Sending again what failed, was missed, or all: counted first, then done while the page may be left.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{EndpointId, Message, ReplayScope, Timestamp};
use gancho_service::endpoint::ReplayInput;
use gancho_store::Replay;

use super::show;
use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

const DAY_MS: i64 = 24 * 3600 * 1000;

pub(crate) async fn replay(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
    form: Form,
) -> Response {
    let only_count = form.value("sure") != "yes";
    let counted = count(&app, id, &form).await;
    match counted {
        Ok((_, total)) if only_count => show::counted(&app, visitor, id, form, total).await,
        Ok((replay, total)) => match app.services.start_replay(replay, total, visitor.user.name.clone()).await {
            Ok(()) => done(&app, &format!("/webhooks/{id}"), "replay-begun"),
            Err(problem) => error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem.into()),
        },
        Err(problem) => error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem),
    }
}

async fn count(app: &App, id: EndpointId, form: &Form) -> Answer<(Replay, u64)> {
    let replay = app.services.planned_replay(id, input(form, app.environment.now())?);
    let dry = Replay { dry_run: true, ..replay.clone() };
    let total = app.services.replay(&dry, "").await?;
    Ok((replay, total))
}

fn input(form: &Form, now: Timestamp) -> Answer<ReplayInput> {
    let days = form.value("days").parse::<i64>().unwrap_or(1).clamp(1, 3650);
    let only = match form.value("only") {
        "" => ReplayScope::Failed,
        word => ReplayScope::parse(word).ok_or_else(|| Problem::field("only", Message::new("error-only")))?,
    };
    let since = now.plus_ms(-days * DAY_MS);
    Ok(ReplayInput { since, until: None, events: None, object: None, only: Some(only), dry_run: None })
}
