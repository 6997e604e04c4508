use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::SourceId;

use crate::{
    App,
    api::{
        page::{Id, Query},
        problem::Answer,
    },
    auth::Admin,
};

gancho_service::input! {
    /// How to remove it.
    pub struct RemoveSourceQuery {
        /// Remove it even if what is ours stays in the ERP's database.
        pub force: Option<bool>,
    }
}

/// Removes a source and its token. Its events stay. Of a database, our triggers and outbox are taken away first; where
/// that fails, nothing is removed, unless `force=true` leaves them behind.
#[utoipa::path(delete, path = "/sources/{id}", tag = "sources", params(("id" = String, Path), RemoveSourceQuery),
    responses((status = 204, description = "removed"), (status = 404, description = "no such source"),
        (status = 422, description = "what is ours can't be taken out of the ERP's database")))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
    Query(query): Query<RemoveSourceQuery>,
) -> Answer<StatusCode> {
    app.services.remove_source(id, query.force.unwrap_or(false), &app.who(caller).await).await?;
    app.tokens.forget();
    Ok(StatusCode::NO_CONTENT)
}
