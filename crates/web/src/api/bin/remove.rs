use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use gancho_model::BinId;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Removes a bin, with all that it received.
#[utoipa::path(delete, path = "/bins/{id}", tag = "bins", params(("id" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn remove(State(app): State<Arc<App>>, Admin(caller): Admin, Id(id): Id<BinId>) -> Answer<StatusCode> {
    app.services.remove_bin(id, &app.who(caller).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
