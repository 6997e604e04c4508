use std::sync::Arc;

use axum::{
    Json as Out,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use gancho_model::{Message, SourceId};
use gancho_service::{
    change::ChangesInput,
    input::{self, ClientId},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::Json,
        event::send::request_key,
        page::Query,
        problem::{Answer, Problem},
    },
    auth::Ingest,
};

gancho_service::input! {
    /// Of which source.
    pub struct ChangesQuery {
        /// Whose changes; a source's own token says it already.
        pub source: Option<SourceId>,
    }
}

/// The result.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangesOutput {
    accepted: usize,
    duplicates: usize,
    /// Their events, of this or an earlier request.
    events: Vec<String>,
}

/// Accepts 1 to 1000 changes of an ERP. `202` means that their events are on disk.
#[utoipa::path(post, path = "/changes", tag = "changes", request_body = ChangesInput,
    params(("Idempotency-Key" = Option<ClientId>, Header, description = "a name for the request, by which a repeat is recognised for 30 days"), ChangesQuery),
    responses((status = 202, body = ChangesOutput), (status = 404, description = "no such source"), (status = 409, description = "an id was used for another change")))]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    Query(query): Query<ChangesQuery>,
    headers: HeaderMap,
    body: Json,
) -> Answer<(StatusCode, Out<ChangesOutput>)> {
    let source = match (caller.source(), query.source) {
        (Some(own), Some(named)) if own != named => {
            return Err(Problem::forbidden("another source's", "this source's"));
        }
        (Some(source), _) | (None, Some(source)) => source,
        (None, None) => return Err(Problem::field("source", Message::new("error-whose"))),
    };
    let request = request_key(&headers, &body, &format!("changes of {source}"))?;
    let changes: ChangesInput = input::read(body.value, app.services.rules())?;
    let answer = app.services.submit_changes(caller, source, changes, request).await?;
    let events = answer.events.iter().map(ToString::to_string).collect();
    let output = ChangesOutput { accepted: answer.accepted, duplicates: answer.duplicates, events };
    Ok((StatusCode::ACCEPTED, Out(output)))
}
