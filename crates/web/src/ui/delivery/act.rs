use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use gancho_model::{DeliveryId, Said};
use serde_json::Map;

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{done, error, form::Form, frame::Frame, visitor::Manager},
};

/// Sends a delivery again, or cancels it.
pub(crate) async fn act(
    State(app): State<Arc<App>>,
    Manager(visitor): Manager,
    Path((id, act)): Path<(String, String)>,
    _: Form,
) -> Response {
    match run(&app, &id, &act, &visitor.user.name).await {
        Ok(what) => done(&app, &format!("/deliveries/{id}"), what),
        Err(problem) => error::of(Frame::new(&app, &visitor, "deliveries", "problem-title"), &problem),
    }
}

async fn run(app: &App, id: &str, act: &str, who: &str) -> Answer<&'static str> {
    let missing = || Problem::said(StatusCode::NOT_FOUND, Said::plain("problem-missing"));
    let id: DeliveryId = id.parse().map_err(|_| missing())?;
    let (action, what, delivery) = match act {
        "retry" => ("delivery.retried", "retried", app.store.retry(id, app.ambient.mono()).await?),
        "cancel" => ("delivery.cancelled", "cancelled", app.store.cancel(id).await?),
        _ => return Err(missing()),
    };
    app.note(who, action, &id, delivery.label.unwrap_or_else(|| delivery.event.to_string()), Map::new()).await;
    Ok(what)
}
