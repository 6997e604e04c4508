use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use gancho_model::{DeliveryId, Message};

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, page_context::PageContext},
};

/// Resends or cancels a delivery.
pub(crate) async fn act(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Path((id, act)): Path<(String, String)>,
    _: Form,
) -> Response {
    match run(&app, &id, &act, &visitor.user.name).await {
        Ok(what) => done(&app, &format!("/deliveries/{id}"), what),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "deliveries", "problem-title"), &problem),
    }
}

async fn run(app: &App, id: &str, act: &str, who: &str) -> Answer<&'static str> {
    let missing = || Problem::localized(StatusCode::NOT_FOUND, Message::new("problem-missing"));
    let id: DeliveryId = id.parse().map_err(|_| missing())?;
    match act {
        "retry" => app.services.retry_delivery(id, who).await.map(|_| "retried").map_err(Problem::from),
        "cancel" => app.services.cancel_delivery(id, who).await.map(|_| "cancelled").map_err(Problem::from),
        _ => Err(missing()),
    }
}
