use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::DeliveryId;

use super::view::DeliveryView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Reader,
};

/// One delivery, with its attempts.
#[utoipa::path(get, path = "/deliveries/{id}", tag = "deliveries", params(("id" = String, Path)),
    responses((status = 200, body = DeliveryView), (status = 404, description = "no such delivery")))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    reader: Reader,
    Id(id): Id<DeliveryId>,
) -> Answer<Json<DeliveryView>> {
    let (delivery, attempts) = app.store.delivery(id).await?;
    let body = app.store.delivery_body(id).await?;
    Ok(Json(DeliveryView::whole(&delivery, attempts, &body, reader)))
}
