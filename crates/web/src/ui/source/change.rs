use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::SourceId;

use super::{fill, show};
use crate::{
    App,
    api::problem::Answer,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

pub(crate) async fn save(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
    form: Form,
) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "sources-title");
    match update(&app, id, &form, &visitor.user.name).await {
        Ok(dropped) if !dropped.is_empty() => done(&app, &format!("/sources/{id}"), "saved-key-dropped"),
        Ok(_) => done(&app, &format!("/sources/{id}"), "saved"),
        Err(problem) if problem.errors().is_empty() => error::of(context, &problem),
        Err(problem) => show::refused(&app, context, id, form, &problem).await,
    }
}

async fn update(app: &App, id: SourceId, form: &Form, who: &str) -> Answer<Vec<&'static str>> {
    let (_, dropped) = app.services.update_source(id, fill::patch(form)?, who).await?;
    Ok(dropped)
}
