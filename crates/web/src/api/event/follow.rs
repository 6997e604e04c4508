//! Reads the feed, optionally waiting for more events.

use std::time::Duration;

use gancho_model::Event;
use gancho_store::{EventFilter, Page};

use crate::{App, api::problem::Answer};

/// The next events after a number; if there are none, waits for one. The page is empty at the timeout.
pub(crate) async fn follow(
    app: &App,
    after: u64,
    filter: &EventFilter,
    (limit, wait_s): (usize, u64),
) -> Answer<Page<Event, u64>> {
    let mut news = app.store.watch();
    news.mark_unchanged();
    let mut page = read_on(app, after, filter, limit).await?;
    if page.items.is_empty() && wait_s > 0 {
        let waiting = async {
            while page.items.is_empty() && news.changed().await.is_ok() {
                let from = page.next.unwrap_or(after);
                page = read_on(app, from, filter, limit).await?;
            }
            Ok::<(), crate::api::problem::Problem>(())
        };
        tokio::select! {
            done = waiting => done?,
            () = tokio::time::sleep(Duration::from_secs(wait_s)) => {}
            () = app.closing() => {}
        }
    }
    Ok(page)
}

/// A page; if a filter has few matches, the store ends pages early, and this reads on.
async fn read_on(app: &App, after: u64, filter: &EventFilter, limit: usize) -> Answer<Page<Event, u64>> {
    let mut from = after;
    loop {
        let page = app.store.feed(from, filter.clone(), limit).await?;
        match page.next {
            Some(next) if page.items.is_empty() && next > from => from = next,
            _ => return Ok(page),
        }
    }
}
