use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::EndpointId;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Unsubscribes: what still waits is cancelled.
#[utoipa::path(delete, path = "/hooks/{id}", tag = "hooks", params(("id" = String, Path)), responses((status = 204)))]
pub(crate) async fn unsubscribe(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
) -> Answer<StatusCode> {
    app.services.remove_endpoint(id, &app.who(caller).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
