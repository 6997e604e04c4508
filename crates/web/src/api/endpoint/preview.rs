use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use gancho_service::endpoint::{Preview, PreviewInput};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

/// The result of rules for the events of the last week; at most the newest 500 are evaluated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Events of the types that were asked for.
    looked_at: u64,
    /// Whether there are more events.
    more: bool,
    /// Those that would be sent.
    sent: u64,
    /// Those that would not, by the reason.
    refused: BTreeMap<&'static str, u64>,
    /// The first error, if any.
    error: Option<String>,
    /// The newest that would be sent.
    examples: Vec<PreviewExample>,
}

/// An event that would be sent.
#[derive(Debug, Serialize, ToSchema)]
struct PreviewExample {
    id: String,
    event: String,
    /// What would be sent.
    body: String,
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        let example = |(event, body): (gancho_model::Event, String)| PreviewExample {
            id: event.id.to_string(),
            event: event.event.to_string(),
            body,
        };
        Self {
            looked_at: preview.looked_at,
            more: preview.more,
            sent: preview.sent,
            refused: preview.refused,
            error: preview.error,
            examples: preview.examples.into_iter().map(example).collect(),
        }
    }
}

/// Tries rules on events of the last week: which would be sent, and what.
#[utoipa::path(post, path = "/endpoints/preview", tag = "endpoints", request_body = PreviewInput,
    responses((status = 200, body = PreviewView)))]
pub(crate) async fn preview(
    State(app): State<Arc<App>>,
    _: Admin,
    Body(input): Body<PreviewInput>,
) -> Answer<Json<PreviewView>> {
    Ok(Json(app.services.preview(input).await?.into()))
}
