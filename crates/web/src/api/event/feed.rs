use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use gancho_model::{Message, ObjectKey, SourceId, Timestamp};
use gancho_service::input::{PatternList, Rules, Scalar, Text, Whole};
use gancho_store::{EventFilter, Page};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use utoipa::ToSchema;

use super::view::{self, EventView};
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
        /// Wait so many seconds for news, if there are none.
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
            source: query.source,
        }
    }
}

/// The feed: every event in order of commit, oldest first. With `wait`, an empty page waits for news.
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
    let (limit, wait_s) = (page::limit(query.limit), query.wait.map_or(0, |wait| wait.0.unsigned_abs()));
    let filter = query.into();
    let mut news = app.store.watch();
    news.mark_unchanged();
    let mut page = read_on(&app, after, &filter, limit).await?;
    if page.items.is_empty() && wait_s > 0 {
        let waiting = async {
            while page.items.is_empty() && news.changed().await.is_ok() {
                let from = page.next.unwrap_or(after);
                page = read_on(&app, from, &filter, limit).await?;
            }
            Ok::<(), crate::api::problem::Problem>(())
        };
        // No news is an empty page.
        tokio::select! {
            done = waiting => done?,
            () = tokio::time::sleep(Duration::from_secs(wait_s)) => {}
            () = app.closing() => {}
        }
    }
    let Page { items, next } = page;
    let data = items.iter().map(|event| view::with_fields(event, &[])).collect();
    Ok(Json(Feed { data, next: next.unwrap_or(after).to_string() }))
}

/// Newest first.
async fn newest(app: &App, before: Cursor, query: FeedQuery) -> Answer<Feed> {
    let before = match before {
        Cursor::Latest => None,
        Cursor::After(sequence) => Some(sequence),
    };
    let limit = page::limit(query.limit);
    let found = app.store.recent(before, query.into(), limit).await?;
    let data = found.items.iter().map(|event| view::with_fields(event, &[])).collect();
    Ok(Feed { data, next: found.next.unwrap_or(0).to_string() })
}

/// A page; where a filter matches little, the store ends pages early, and we read on.
async fn read_on(app: &App, after: u64, filter: &EventFilter, limit: usize) -> Answer<Page<gancho_model::Event, u64>> {
    let mut from = after;
    loop {
        let page = app.store.feed(from, filter.clone(), limit).await?;
        match page.next {
            Some(next) if page.items.is_empty() && next > from => from = next,
            _ => return Ok(page),
        }
    }
}
