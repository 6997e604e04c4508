use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_service::personal_data::PersonalDataInput;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasedView {
    /// Events that were about the customer.
    events: u64,
    /// Their deliveries.
    deliveries: u64,
    /// Deliveries that waited and were cancelled.
    cancelled: u64,
}

/// Erases the data about one customer: events' data, bodies sent to endpoints, receivers' responses, the search index,
/// data stored for `include: customer`, and bin requests. The fact, time and receivers of each event remain. This can't
/// be undone. Receivers keep what they got: ask them, too.
#[utoipa::path(post, path = "/personal-data/erase", tag = "personal data", request_body = PersonalDataInput,
    responses((status = 200, body = ErasedView)))]
pub(crate) async fn erase(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(input): Body<PersonalDataInput>,
) -> Answer<Json<ErasedView>> {
    let who = app.who(caller).await;
    let done = app.services.erase_personal_data(input.into(), who).await?;
    Ok(Json(ErasedView { events: done.events, deliveries: done.deliveries, cancelled: done.cancelled }))
}
