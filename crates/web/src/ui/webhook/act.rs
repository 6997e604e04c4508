//! Single actions on a webhook, one button each.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use gancho_model::{EndpointId, Message};
use gancho_service::{
    endpoint::{EndpointPatch, RotationInput},
    input::SampleType,
};

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, page_context::PageContext},
};

pub(crate) async fn act(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Path((id, act)): Path<(String, String)>,
    form: Form,
) -> Response {
    let acted = match id.parse::<EndpointId>() {
        Ok(id) => run(&app, id, &act, &form, &visitor.user.name).await,
        Err(_) => Err(missing()),
    };
    match acted {
        Ok((path, what)) => done(&app, &path, what),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem),
    }
}

fn missing() -> Problem {
    Problem::localized(StatusCode::NOT_FOUND, Message::new("problem-missing"))
}

/// Runs an action; returns the page to go to, and the action's name.
async fn run(app: &Arc<App>, id: EndpointId, act: &str, form: &Form, who: &str) -> Answer<(String, &'static str)> {
    let set = async |patch| {
        let known = app.store.endpoint(id).await?;
        app.services.update_endpoint(&known, patch, who).await
    };
    let nothing = EndpointPatch::nothing;
    let what = match act {
        "enable" => set(EndpointPatch { enabled: Some(true), ..nothing() }).await.map(|_| "enabled")?,
        "disable" => set(EndpointPatch { enabled: Some(false), ..nothing() }).await.map(|_| "disabled")?,
        "pause" => set(EndpointPatch { paused: Some(true), ..nothing() }).await.map(|_| "paused")?,
        "resume" => set(EndpointPatch { paused: Some(false), ..nothing() }).await.map(|_| "resumed")?,
        "retry" => app.services.retry_endpoint(id, who).await.map(|_| "retrying")?,
        "continue" => app.services.continue_job(id).await.map(|()| "replay-begun")?,
        "solve" => app.services.solve_issues(id, who).await.map(|_| "issues-solved")?,
        "rotate" => {
            app.services.rotate_secret(id, RotationInput::begin(), who).await?;
            return Ok((format!("/webhooks/{id}?tab=settings"), "secret-changed"));
        }
        "finish" => {
            app.services.rotate_secret(id, RotationInput::finish(), who).await?;
            return Ok((format!("/webhooks/{id}?tab=settings"), "secret-finished"));
        }
        "test" => return send_test(app, id, form).await,
        _ => return Err(missing()),
    };
    // What it missed is resent from its own page.
    let is_for_list = form.has("back", "list") && what != "enabled";
    Ok((if is_for_list { "/webhooks".to_owned() } else { format!("/webhooks/{id}") }, what))
}

async fn send_test(app: &App, id: EndpointId, form: &Form) -> Answer<(String, &'static str)> {
    let SampleType(event) = SampleType::new(form.value("event")).map_err(|wrong| Problem::field("event", wrong))?;
    let endpoint = app.store.endpoint(id).await?;
    let (delivery, _) = app.services.send_test(id, event, None).await?;
    let has_failed = app.services.wait_for_test(delivery, endpoint.timeout_ms).await;
    Ok((format!("/deliveries/{delivery}"), if has_failed { "test-failed" } else { "test-sent" }))
}
