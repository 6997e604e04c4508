use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EventId;
use serde_json::value::RawValue;

use super::view::{self, EventView};
use crate::{
    App,
    api::{delivery::view::DeliveryView, page::Id, problem::Answer},
    auth::Reader,
};

/// One event, and its deliveries as `deliveries`.
#[utoipa::path(get, path = "/events/{id}", tag = "events", params(("id" = String, Path)),
    responses((status = 200, body = EventView), (status = 404, description = "no such event")))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    reader: Reader,
    Id(id): Id<EventId>,
) -> Answer<Json<Box<RawValue>>> {
    let event = app.store.event(id).await?;
    let deliveries = app.store.deliveries_of(id).await?;
    let deliveries: Vec<_> = deliveries.iter().map(|delivery| DeliveryView::new(delivery, reader)).collect();
    Ok(Json(view::with_fields(&event, &[("arrived_at", &event.arrived_at), ("deliveries", &deliveries)])))
}
