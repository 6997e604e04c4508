//! Reads the feed, and waits for more.

use std::time::Duration;

use gancho_model::Event;
use gancho_store::{EventFilter, Page};

use crate::{App, api::problem::Answer};

/// The next events after a number; where there are none, waits so many seconds for one. No news is an empty page.
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

/// A page; where a filter matches little, the store ends pages early, and we read on.
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
