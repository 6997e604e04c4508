use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
};

use crate::{App, api::problem::Answer, auth::Admin};

/// Removes a consumer, with its position.
#[utoipa::path(delete, path = "/consumers/{name}", tag = "consumers", params(("name" = String, Path)),
    responses((status = 204)))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    app.services.remove_consumer(&name, &app.who(caller).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
