use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::SourceId;

use crate::{
    App,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

/// A user confirms that it is the right ERP.
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
    _: Form,
) -> Response {
    match app.services.confirm_source(id, &visitor.user.name).await {
        Ok(_) => done(&app, &format!("/sources/{id}"), "source-confirmed"),
        Err(error) => error::of(PageContext::new(&app, &visitor, "sources", "sources-title"), &error.into()),
    }
}
