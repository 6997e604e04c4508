use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::SourceId;

use crate::{
    App, api,
    ui::{done, error, form::Form, frame::Frame, id::Id, visitor::Manager},
};

/// A person says that it is the right ERP.
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Manager(visitor): Manager,
    Id(id): Id<SourceId>,
    _: Form,
) -> Response {
    match api::source::confirm::run(&app, id, &visitor.user.name).await {
        Ok(_) => done(&app, &format!("/sources/{id}"), "source-confirmed"),
        Err(problem) => error::of(Frame::new(&app, &visitor, "sources", "sources-title"), &problem),
    }
}
