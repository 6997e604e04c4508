use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{EndpointId, Event};
use gancho_service::input::Whole;
use gancho_store::EventFilter;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        event::follow::follow,
        page::{self, Id, Limit, Query},
        problem::Answer,
    },
    auth::Admin,
};

gancho_service::input! {
    /// How much.
    pub struct ListenerEventsQuery {
        /// After this sequence number; what was not reported yet if left out.
        pub after: Option<Whole<0, { i64::MAX }>>,
        /// At most so many on a page.
        pub limit: Option<Limit>,
        /// If there are no events, wait for one up to this many seconds.
        pub wait: Option<Whole<0, 60>>,
    }
}

/// Events to forward, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListenerEvents {
    data: Vec<ListenerEvent>,
    /// Give it as `after` next time.
    next: u64,
}

/// An event to forward.
#[derive(Debug, Serialize, ToSchema)]
struct ListenerEvent {
    id: String,
    sequence: u64,
    event: String,
    document: Option<String>,
    /// The body, byte for byte.
    body: String,
}

impl ListenerEvent {
    fn new(event: &Event) -> Self {
        Self {
            id: event.id.to_string(),
            sequence: event.sequence,
            event: event.event.to_string(),
            document: event.label.clone(),
            body: String::from_utf8_lossy(&event.body).into_owned(),
        }
    }
}

/// Events that a listener has to forward. With `wait`, an empty page waits for an event.
#[utoipa::path(get, path = "/listeners/{id}/events", tag = "listeners", params(("id" = String, Path), ListenerEventsQuery),
    responses((status = 200, body = ListenerEvents)))]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<EndpointId>,
    Query(query): Query<ListenerEventsQuery>,
) -> Answer<Json<ListenerEvents>> {
    let listener = app.services.listener(id).await?;
    let after = query.after.map_or(listener.position, |after| after.0.unsigned_abs());
    let filter = EventFilter { types: listener.types, ..EventFilter::default() };
    let most = (page::limit(query.limit), query.wait.map_or(0, |wait| wait.0.unsigned_abs()));
    let page = follow(&app, after, &filter, most).await?;
    let data = page.items.iter().map(ListenerEvent::new).collect();
    Ok(Json(ListenerEvents { data, next: page.next.unwrap_or(after) }))
}
