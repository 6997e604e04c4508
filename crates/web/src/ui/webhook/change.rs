use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::EndpointId;

use super::{fill, show};
use crate::{
    App,
    api::problem::Answer,
    ui::{
        current_user::{CurrentAdmin, CurrentUser},
        done, error,
        form::Form,
        id::Id,
        page_context::PageContext,
    },
};

pub(crate) async fn save(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
    form: Form,
) -> Response {
    match update(&app, id, &form, &visitor).await {
        Ok(dropped) if !dropped.is_empty() => {
            done(&app, &format!("/webhooks/{id}?tab=settings"), "saved-headers-dropped")
        }
        Ok(_) => done(&app, &format!("/webhooks/{id}?tab=settings"), "saved"),
        Err(problem) if problem.errors().is_empty() => {
            error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem)
        }
        Err(problem) => show::refused(&app, visitor, id, form, &problem).await,
    }
}

async fn update(app: &App, id: EndpointId, form: &Form, visitor: &CurrentUser) -> Answer<Vec<String>> {
    let known = app.store.endpoint(id).await?;
    let patch = fill::patch(form, &visitor.words, app.services.rules_for(&known))?;
    Ok(app.services.update_endpoint(&known, patch, &visitor.user.name).await?)
}
