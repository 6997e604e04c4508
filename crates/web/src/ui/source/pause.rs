use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::SourceId;

use crate::{
    App,
    ui::{
        current_user::{CurrentAdmin, CurrentUser},
        done, error,
        form::Form,
        id::Id,
        page_context::PageContext,
    },
};

/// Pauses a source until it is resumed.
pub(crate) async fn pause(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
    _: Form,
) -> Response {
    save(&app, &visitor, id, true).await
}

/// Resumes a source; waiting changes are read.
pub(crate) async fn resume(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
    _: Form,
) -> Response {
    save(&app, &visitor, id, false).await
}

async fn save(app: &App, visitor: &CurrentUser, id: SourceId, paused: bool) -> Response {
    match app.services.pause_source(id, paused, &visitor.user.name).await {
        Ok(_) => done(app, &format!("/sources/{id}"), if paused { "source-paused" } else { "source-resumed" }),
        Err(error) => error::of(PageContext::new(app, visitor, "sources", "sources-title"), &error.into()),
    }
}
