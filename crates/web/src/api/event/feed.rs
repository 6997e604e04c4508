use std::{sync::Arc, time::Duration};

use axum::{Json, extract::State};
use gancho_model::{Message, ObjectKey};
use gancho_store::{EventFilter, Page};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::view::{self, EventView};
use crate::{
    App,
    api::{
        page::{self, Query, whole},
        problem::Answer,
        read,
    },
    auth::Reader,
};

/// The longest wait for news, seconds.
const WAIT_S_MAX: i64 = 60;

/// A page of the feed. `next` is never null: ask again with it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Feed {
    #[schema(value_type = Vec<EventView>)]
    data: Vec<Box<RawValue>>,
    next: String,
}

/// The feed: every event in order of commit, oldest first. With `wait`, an empty page waits for news.
#[utoipa::path(get, path = "/events", tag = "events",
    params(("after" = Option<String>, Query, description = "a cursor, or `latest`"), ("limit" = Option<u32>, Query), ("types" = Option<String>, Query, description = "types and patterns, separated by commas"),
        ("since" = Option<String>, Query), ("until" = Option<String>, Query), ("object" = Option<String>, Query, description = "`Model:key`"), ("document" = Option<String>, Query, description = "the beginning of a document's number"), ("source" = Option<String>, Query), ("wait" = Option<u32>, Query, description = "seconds")),
    responses((status = 200, body = Feed)))]
pub(crate) async fn feed(State(app): State<Arc<App>>, _: Reader, query: Query) -> Answer<Json<Feed>> {
    let (after, filter, limit, wait_s) = query.read(|fields| {
        let filter = EventFilter {
            types: fields.optional("types", read::patterns).unwrap_or_default(),
            since: fields.optional("since", read::time),
            until: fields.optional("until", read::time),
            label: fields.optional("document", read::text(1, 80)),
            exactly: false,
            source: fields.optional("source", read::id),
            object: fields.optional("object", |value| {
                ObjectKey::parse(value.as_str().unwrap_or_default()).ok_or_else(|| Message::new("error-object-key"))
            }),
        };
        let latest = *app.store.watch().borrow();
        let after = fields.optional("after", |value| match value.as_str() {
            Some("latest") => Ok(latest),
            _ => whole(0, i64::MAX)(value).map(i64::unsigned_abs),
        });
        let after = after.unwrap_or(0);
        let wait_s = fields.optional("wait", whole(0, WAIT_S_MAX)).unwrap_or(0);
        (after, filter, page::limit(fields), wait_s.unsigned_abs())
    })?;
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
