use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::EndpointId;

use super::{fill, show};
use crate::{
    App, api,
    ui::{done, error, form::Form, frame::Frame, id::Id, visitor::Manager},
};

pub(crate) async fn save(
    State(app): State<Arc<App>>,
    Manager(visitor): Manager,
    Id(id): Id<EndpointId>,
    form: Form,
) -> Response {
    match api::endpoint::change::apply(&app, id, fill::said(&form, false), &visitor.user.name).await {
        Ok(dropped) if !dropped.is_empty() => {
            done(&app, &format!("/webhooks/{id}?tab=settings"), "saved-headers-dropped")
        }
        Ok(_) => done(&app, &format!("/webhooks/{id}?tab=settings"), "saved"),
        Err(problem) if problem.errors().is_empty() => {
            error::of(Frame::new(&app, &visitor, "webhooks", "problem-title"), &problem)
        }
        Err(problem) => show::refused(&app, visitor, id, form, &problem).await,
    }
}
