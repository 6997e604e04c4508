use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::EndpointId;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Removes an endpoint. What waits for it is cancelled; the log stays.
#[utoipa::path(delete, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 204, description = "removed"), (status = 404, description = "no such endpoint")))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
) -> Answer<StatusCode> {
    app.services.remove_endpoint(id, &app.who(caller).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
