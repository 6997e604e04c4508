//! Single acts on a webhook: one button each.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use gancho_model::{EndpointId, EventType, Message};
use serde_json::json;

use crate::{
    App,
    api::{
        endpoint::{change, retry, rotate, test},
        problem::{Answer, Problem},
    },
    ui::{current_user::CurrentAdmin, done, error, form::Form, page_context::PageContext},
};

/// A day, seconds.
const OVERLAP_S: i64 = 86_400;

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

/// Acts; returns where to go, and what was done.
async fn run(app: &App, id: EndpointId, act: &str, form: &Form, who: &str) -> Answer<(String, &'static str)> {
    let set = async |input| change::apply(app, id, input, who).await;
    let rotate = async |change| rotate::turn(app, id, change, who).await.map(drop);
    let what = match act {
        "enable" => set(json!({"enabled": true})).await.map(|_| "enabled")?,
        "disable" => set(json!({"enabled": false})).await.map(|_| "disabled")?,
        "pause" => set(json!({"paused": true})).await.map(|_| "paused")?,
        "resume" => set(json!({"paused": false})).await.map(|_| "resumed")?,
        "retry" => retry::run(app, id, who).await.map(|_| "retrying")?,
        "rotate" => {
            rotate(rotate::Change::Begin { overlap_s: OVERLAP_S, secret: None }).await?;
            return Ok((format!("/webhooks/{id}?tab=settings"), "secret-changed"));
        }
        "finish" => {
            rotate(rotate::Change::Finish).await?;
            return Ok((format!("/webhooks/{id}?tab=settings"), "secret-finished"));
        }
        "test" => return send_test(app, id, form).await,
        _ => return Err(missing()),
    };
    Ok((form.value("back").strip_prefix("list").map_or(format!("/webhooks/{id}"), |_| "/webhooks".to_owned()), what))
}

async fn send_test(app: &App, id: EndpointId, form: &Form) -> Answer<(String, &'static str)> {
    let event =
        EventType::parse(form.value("event")).map_err(|_| Problem::field("event", Message::new("error-type")))?;
    let endpoint = app.store.endpoint(id).await?;
    let (delivery, _) = test::send(app, id, event).await?;
    test::wait_for(app, delivery, endpoint.timeout_ms).await;
    Ok((format!("/deliveries/{delivery}"), "test-sent"))
}
