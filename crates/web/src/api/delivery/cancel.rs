use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::DeliveryId;

use super::view::DeliveryView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::{Admin, Reader},
};

/// Cancels a delivery that waits.
#[utoipa::path(post, path = "/deliveries/{id}/cancel", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryView), (status = 409, description = "it does not wait any more")))]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<DeliveryId>,
) -> Answer<Json<DeliveryView>> {
    let delivery = app.services.cancel_delivery(id, &app.who(caller).await).await?;
    Ok(Json(DeliveryView::new(&delivery, Reader(caller))))
}
