use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{EndpointId, Message};
use gancho_service::{input::Object as JsonObject, outbox::OutboxPayload};

use crate::{
    App,
    api::{
        body::LargeJson,
        endpoint::send::SentView,
        problem::{Answer, Problem},
    },
    auth::Ingest,
};

/// Sends one record that the plugin shows, as it is now, to one endpoint: `endpoint` names it, the rest is as in
/// `POST /outbox`, with the record as the first of `documents`. As with `POST /endpoints/{id}/send`, it is an event
/// `noun.snapshot` outside the feed.
#[utoipa::path(post, path = "/outbox/send", tag = "changes", request_body = JsonObject,
    responses((status = 202, body = SentView), (status = 422, description = "not what the plugin sends")))]
pub(crate) async fn send_shown(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    body: LargeJson,
) -> Answer<(StatusCode, Out<SentView>)> {
    let Some(source) = caller.source() else {
        return Err(Problem::forbidden("no source's", "a source's own"));
    };
    let mut body = body.0;
    let named = body.as_object_mut().and_then(|body| body.remove("endpoint"));
    let endpoint = named.and_then(|id| id.as_str()?.parse::<EndpointId>().ok());
    let endpoint = endpoint.ok_or_else(|| Problem::field("endpoint", Message::new("error-endpoint-id")))?;
    let odd =
        |error: serde_json::Error| Problem::field("", Message::new("error-outbox").with("why", error.to_string()));
    let shown: OutboxPayload = serde_json::from_value(body).map_err(odd)?;
    let (delivery, event) = app.services.send_shown(source, endpoint, shown).await?;
    Ok((StatusCode::ACCEPTED, Out(SentView::new(delivery, event))))
}
