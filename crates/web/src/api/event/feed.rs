use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{Event, Message, ObjectKey, SourceId, Timestamp};
use gancho_service::input::{FilterTime, PatternList, Rules, Scalar, Text, Whole};
use gancho_store::{EventFilter, Page};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use utoipa::ToSchema;

use super::{
    follow::follow,
    view::{self, EventView},
};
use crate::{
    App,
    api::{
        page::{self, Limit, Query},
        problem::Answer,
    },
    auth::Reader,
};

/// A page of the feed. `next` is never null: ask again with it, as `after`, or as `before` for older ones.
#[derive(Serialize, ToSchema)]
pub(crate) struct Feed {
    #[schema(value_type = Vec<EventView>)]
    data: Vec<Box<RawValue>>,
    next: String,
}

impl Feed {
    pub fn new(events: &[Event], next: u64) -> Self {
        Self { data: events.iter().map(|event| view::with_fields(event, &[])).collect(), next: next.to_string() }
    }
}

/// A place in the feed.
#[derive(Clone, Copy, Debug)]
pub enum Cursor {
    /// After this number.
    After(u64),
    /// After the last.
    Latest,
}

impl Scalar for Cursor {
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^(latest|[0-9]{1,18})$"})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value.as_str() {
            Some("latest") => Ok(Self::Latest),
            _ => Whole::<0, { i64::MAX }>::parse(value, rules).map(|number| Self::After(number.0.unsigned_abs())),
        }
    }
}

gancho_service::input! {
    /// Which events.
    pub struct FeedQuery {
        /// The `next` of the page before, or `latest`.
        pub after: Option<Cursor>,
        /// The other way round: newest first, those before this number, or `latest`. `next` is then the number to go on
        /// from, 0 at the end.
        pub before: Option<Cursor>,
        /// At most so many on a page.
        pub limit: Option<Limit>,
        /// Types and patterns, separated by commas.
        pub types: Option<PatternList>,
        /// That arrived at this time or later.
        pub since: Option<Timestamp>,
        /// That arrived before this time.
        pub until: Option<Timestamp>,
        /// About this row: `Model:key`.
        pub object: Option<ObjectKey>,
        /// The beginning of a document's number.
        pub document: Option<Text<1, 80>>,
        /// From this source.
        pub source: Option<SourceId>,
        /// That happened after this, by their own `created`: RFC 3339, Unix seconds, or `2026-03-01`, with a time if you
        /// like. Also written `filter[created_gt]`; the others likewise.
        pub created_gt: Option<FilterTime>,
        /// That happened at this time or later.
        pub created_gte: Option<FilterTime>,
        /// That happened before this.
        pub created_lt: Option<FilterTime>,
        /// That happened at this time or before.
        pub created_lte: Option<FilterTime>,
        /// If there are no events, wait for one up to this many seconds.
        pub wait: Option<Whole<0, 60>>,
    }
}

impl From<FeedQuery> for EventFilter {
    fn from(query: FeedQuery) -> Self {
        Self {
            types: query.types.map(|types| types.0).unwrap_or_default(),
            since: query.since,
            until: query.until,
            object: query.object,
            label: query.document.map(|label| label.0),
            exactly: false,
            sources: query.source.into_iter().collect(),
            created_since: query.created_gte.map(|at| at.0).max(query.created_gt.map(|at| next_second(at.0))),
            created_until: earliest(query.created_lt.map(|at| at.0), query.created_lte.map(|at| next_second(at.0))),
        }
    }
}

/// `created` has a precision of seconds: "after" means the next second or later.
fn next_second(at: Timestamp) -> Timestamp {
    Timestamp::from_s(at.s() + 1)
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

/// The feed: every event in order of commit, oldest first. With `wait`, an empty page waits for an event.
#[utoipa::path(get, path = "/events", tag = "events",
    params(FeedQuery),
    responses((status = 200, body = Feed)))]
pub(crate) async fn feed(State(app): State<Arc<App>>, _: Reader, Query(query): Query<FeedQuery>) -> Answer<Json<Feed>> {
    if let Some(before) = query.before {
        return newest(&app, before, query).await.map(Json);
    }
    let after = match query.after {
        Some(Cursor::Latest) => *app.store.watch().borrow(),
        Some(Cursor::After(sequence)) => sequence,
        None => 0,
    };
    let most = (page::limit(query.limit), query.wait.map_or(0, |wait| wait.0.unsigned_abs()));
    let Page { items, next } = follow(&app, after, &query.into(), most).await?;
    Ok(Json(Feed::new(&items, next.unwrap_or(after))))
}

/// Newest first.
async fn newest(app: &App, before: Cursor, query: FeedQuery) -> Answer<Feed> {
    let before = match before {
        Cursor::Latest => None,
        Cursor::After(sequence) => Some(sequence),
    };
    let limit = page::limit(query.limit);
    let found = app.store.recent(before, query.into(), limit).await?;
    Ok(Feed::new(&found.items, found.next.unwrap_or(0)))
}
