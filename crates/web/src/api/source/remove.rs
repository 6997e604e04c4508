use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::SourceId;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Removes a source and its token. Its events stay.
#[utoipa::path(delete, path = "/sources/{id}", tag = "sources", params(("id" = String, Path)),
    responses((status = 204, description = "removed"), (status = 404, description = "no such source")))]
pub(crate) async fn remove(State(app): State<Arc<App>>, _: Admin, Id(id): Id<SourceId>) -> Answer<StatusCode> {
    app.store.remove_source(id).await?;
    app.tokens.forget();
    Ok(StatusCode::NO_CONTENT)
}
