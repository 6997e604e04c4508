use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{DeliveryId, EndpointId, ErrorKind, EventId, Message, State as DeliveryState};
use gancho_store::DeliveryFilter;
use serde_json::Value;

use super::view::DeliveryView;
use crate::{
    App,
    api::{
        page::{self, List, Query},
        problem::Answer,
        read,
    },
    auth::Reader,
};

/// Deliveries, newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries",
    params(("endpoint" = Option<String>, Query), ("event" = Option<String>, Query), ("types" = Option<String>, Query), ("state" = Option<String>, Query),
        ("since" = Option<String>, Query), ("until" = Option<String>, Query), ("q" = Option<String>, Query, description = "text in the event's body"),
        ("document" = Option<String>, Query, description = "the beginning of a document's number"), ("class" = Option<u8>, Query, description = "the last status' first digit"),
        ("error" = Option<String>, Query, description = "how the last attempt failed: `dns`, `connect`, …"),
        ("limit" = Option<u32>, Query), ("after" = Option<String>, Query)),
    responses((status = 200, body = List<DeliveryView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    query: Query,
) -> Answer<Json<List<DeliveryView>>> {
    let (after, filter, limit) = query.read(|fields| {
        let filter = DeliveryFilter {
            endpoint: fields.optional("endpoint", read::id::<EndpointId>),
            event: fields.optional("event", read::id::<EventId>),
            types: fields.optional("types", read::patterns).unwrap_or_default(),
            state: fields.optional("state", state),
            since: fields.optional("since", read::time),
            until: fields.optional("until", read::time),
            text: fields.optional("q", read::text(1, 200)),
            label: fields.optional("document", read::text(1, 80)),
            class: fields.optional("class", page::whole(1, 5)).and_then(|class| u8::try_from(class).ok()),
            error: fields.optional("error", error_kind),
        };
        (fields.optional("after", read::id::<DeliveryId>), filter, page::limit(fields))
    })?;
    let page = app.store.deliveries(after, filter, limit).await?;
    let data = page.items.iter().map(|delivery| DeliveryView::new(delivery, reader)).collect();
    Ok(Json(List { data, next: page.next.map(|id| id.to_string()) }))
}

fn error_kind(value: Value) -> Result<ErrorKind, Message> {
    let words: Vec<&str> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let kind = ErrorKind::parse(value.as_str().unwrap_or_default());
    kind.ok_or_else(|| Message::new("error-one-of").with("words", words.join(", ")))
}

fn state(value: Value) -> Result<DeliveryState, Message> {
    let words: Vec<&str> = DeliveryState::ALL.iter().map(|state| state.as_str()).collect();
    DeliveryState::parse(value.as_str().unwrap_or_default())
        .ok_or_else(|| Message::new("error-one-of").with("words", words.join(", ")))
}
