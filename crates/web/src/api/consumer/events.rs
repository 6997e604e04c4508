use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use gancho_service::input::Whole;
use gancho_store::{EventFilter, Page};

use crate::{
    App,
    api::{
        event::{feed::Feed, follow::follow},
        page::{self, Limit, Query},
        problem::Answer,
    },
    auth::Reader,
};

gancho_service::input! {
    /// How much.
    pub struct ConsumerEventsQuery {
        /// At most so many on a page.
        pub limit: Option<Limit>,
        /// If there are no events, wait for one up to this many seconds.
        pub wait: Option<Whole<0, 60>>,
    }
}

/// What a consumer has not acknowledged yet, oldest first. Acknowledge `next` when all of it is handled; what is not
/// acknowledged comes again.
#[utoipa::path(get, path = "/consumers/{name}/events", tag = "consumers",
    params(("name" = String, Path), ConsumerEventsQuery), responses((status = 200, body = Feed)))]
pub(crate) async fn events(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(name): Path<String>,
    Query(query): Query<ConsumerEventsQuery>,
) -> Answer<Json<Feed>> {
    let consumer = app.services.consumer(&name).await?;
    let filter = EventFilter { types: consumer.types, sources: consumer.sources, ..EventFilter::default() };
    let most = (page::limit(query.limit), query.wait.map_or(0, |wait| wait.0.unsigned_abs()));
    let Page { items, next } = follow(&app, consumer.position, &filter, most).await?;
    Ok(Json(Feed::new(&items, next.unwrap_or(consumer.position))))
}
