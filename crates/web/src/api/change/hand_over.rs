use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::Message;
use gancho_service::{input::Object as JsonObject, outbox::OutboxPayload};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::LargeJson,
        problem::{Answer, Problem},
    },
    auth::Ingest,
};

/// The result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutboxReceiptView {
    /// Rows that are on disk here, and may be removed there.
    taken: Vec<i64>,
    /// Number of rows that wait for their change group to complete: send them again.
    waiting: usize,
}

/// Accepts rows of the plugin's outbox as its triggers wrote them, with their documents. They are grouped and
/// interpreted here. `202` means that the rows in `taken` are on disk.
#[utoipa::path(post, path = "/outbox", tag = "changes", request_body = JsonObject,
    responses((status = 202, body = OutboxReceiptView), (status = 422, description = "not what the plugin sends")))]
pub(crate) async fn hand_over(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    body: LargeJson,
) -> Answer<(StatusCode, Out<OutboxReceiptView>)> {
    let Some(source) = caller.source() else {
        return Err(Problem::forbidden("no source's", "a source's own"));
    };
    let odd =
        |error: serde_json::Error| Problem::field("", Message::new("error-outbox").with("why", error.to_string()));
    let payload: OutboxPayload = serde_json::from_value(body.0).map_err(odd)?;
    let receipt = app.services.take_outbox(source, payload).await?;
    Ok((StatusCode::ACCEPTED, Out(OutboxReceiptView { taken: receipt.taken, waiting: receipt.waiting })))
}
