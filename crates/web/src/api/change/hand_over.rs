use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{Said, outbox::Handed};
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

/// What became of the rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandedOverView {
    /// Rows that are on disk here, and may be removed there.
    taken: Vec<i64>,
    /// How many of them wait for their act to end: hand them over again.
    waiting: usize,
}

/// Takes rows of the plugin's outbox in, as its triggers wrote them, with the documents that they are about. What an
/// act is and what it means is found out here. `202` means that what is `taken` is on disk.
#[utoipa::path(post, path = "/outbox", tag = "changes", request_body = Object,
    responses((status = 202, body = HandedOverView), (status = 422, description = "not what the plugin sends")))]
pub(crate) async fn hand_over(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    body: LargeJson,
) -> Answer<(StatusCode, Out<HandedOverView>)> {
    let Some(source) = caller.source() else {
        return Err(Problem::forbidden("no source's", "a source's own"));
    };
    let odd = |error: serde_json::Error| Problem::field("", Said::plain("error-outbox").with("why", error.to_string()));
    let handed: Handed = serde_json::from_value(body.0).map_err(odd)?;
    let source = app.store.source(source).await?;
    let said = |why| Problem::said(StatusCode::SERVICE_UNAVAILABLE, why);
    let over = app.hearing.hand_over(&source, handed).await.map_err(said)?;
    Ok((StatusCode::ACCEPTED, Out(HandedOverView { taken: over.taken, waiting: over.waiting })))
}
