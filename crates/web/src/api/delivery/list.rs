use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{DeliveryId, EndpointId, ErrorKind, EventId, State as DeliveryState, Timestamp};
use gancho_service::input::{PatternList, Text, Whole};
use gancho_store::DeliveryFilter;

use super::view::DeliveryView;
use crate::{
    App,
    api::{
        page::{self, Limit, List, Query},
        problem::Answer,
    },
    auth::Reader,
};

gancho_service::input! {
    /// Which deliveries.
    pub struct DeliveriesQuery {
        /// To this endpoint.
        pub endpoint: Option<EndpointId>,
        /// Of this event.
        pub event: Option<EventId>,
        /// Types and patterns, separated by commas.
        pub types: Option<PatternList>,
        /// In this state.
        pub state: Option<DeliveryState>,
        /// Made at this time or later.
        pub since: Option<Timestamp>,
        /// Made before this time.
        pub until: Option<Timestamp>,
        /// Parts of words of the event's body, or of the webhook's name or URL, ignoring case and accents.
        pub q: Option<Text<1, 200>>,
        /// The beginning of a document's number.
        pub document: Option<Text<1, 80>>,
        /// The last status' first digit.
        pub class: Option<Whole<1, 5>>,
        /// How the last attempt failed.
        pub error: Option<ErrorKind>,
        /// At most so many on a page.
        pub limit: Option<Limit>,
        /// The `next` of the page before.
        pub after: Option<DeliveryId>,
    }
}

impl From<DeliveriesQuery> for DeliveryFilter {
    fn from(query: DeliveriesQuery) -> Self {
        Self {
            endpoint: query.endpoint,
            event: query.event,
            types: query.types.map(|types| types.0).unwrap_or_default(),
            state: query.state,
            since: query.since,
            until: query.until,
            text: query.q.map(|text| text.0),
            label: query.document.map(|label| label.0),
            class: query.class.and_then(|class| u8::try_from(class.0).ok()),
            error: query.error,
            ..Self::default()
        }
    }
}

/// Deliveries, newest first.
#[utoipa::path(get, path = "/deliveries", tag = "deliveries",
    params(DeliveriesQuery),
    responses((status = 200, body = List<DeliveryView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    reader: Reader,
    Query(query): Query<DeliveriesQuery>,
) -> Answer<Json<List<DeliveryView>>> {
    let (after, limit) = (query.after, page::limit(query.limit));
    let filter = query.into();
    let page = app.store.deliveries(after, filter, limit).await?;
    let data = page.items.iter().map(|delivery| DeliveryView::new(delivery, reader)).collect();
    Ok(Json(List { data, next: page.next.map(|id| id.to_string()) }))
}
