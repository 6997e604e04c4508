use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::{DeliveryId, EndpointId, EventId};
use gancho_service::endpoint::SendInput;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, page::Id, problem::Answer},
    auth::Admin,
};

/// What is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentView {
    event_id: String,
    delivery_id: String,
}

impl SentView {
    pub fn new(delivery: DeliveryId, event: EventId) -> Self {
        Self { event_id: event.to_string(), delivery_id: delivery.to_string() }
    }
}

/// Sends a record as it is now to one endpoint, as an event `noun.snapshot` outside the feed, whatever the endpoint asks for
/// otherwise. Of an ERP with the plugin: as its last event said.
#[utoipa::path(post, path = "/endpoints/{id}/send", tag = "endpoints", params(("id" = String, Path)), request_body = SendInput,
    responses((status = 202, body = SentView), (status = 404, description = "no such endpoint or record"),
        (status = 409, description = "the endpoint is disabled")))]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    Body(input): Body<SendInput>,
) -> Answer<(StatusCode, Json<SentView>)> {
    let (delivery, event) = app.services.send_record(id, input, &app.who(caller).await).await?;
    Ok((StatusCode::ACCEPTED, Json(SentView::new(delivery, event))))
}
