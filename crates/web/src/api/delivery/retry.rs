use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::DeliveryId;

use super::view::DeliveryView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::{Admin, Reader},
};

/// Sends a delivery again, from the beginning of its endpoint's plan; one that waits goes at once.
#[utoipa::path(post, path = "/deliveries/{id}/retry", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryView), (status = 409, description = "its endpoint was removed")))]
pub(crate) async fn retry(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<DeliveryId>,
) -> Answer<Json<DeliveryView>> {
    let delivery = app.services.retry_delivery(id, &app.who(caller).await).await?;
    Ok(Json(DeliveryView::new(&delivery, Reader(caller))))
}
