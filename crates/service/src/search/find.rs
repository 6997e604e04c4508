use std::collections::HashSet;

use gancho_model::{Event, EventId, Timestamp};
use gancho_store::{EventFilter, SearchHits};
use gancho_words::fold;

use super::text_of;
use crate::{ServiceResult, Services};

/// Minimum length of a part to be found inside words.
const PART_CHARS: usize = 3;
/// Newest events scanned, because the index may not contain them yet.
const NEWEST: usize = 1_000;
/// The same while the index lacks only the last few.
const NEWEST_AT_FIRST: usize = 100;
/// Maximum events from the index that are read for words too short for it.
const CANDIDATES: usize = 1_000;

/// The result of a search, and its range.
#[derive(Clone, Debug, Default)]
pub struct FoundEvents {
    /// Exact matches, then others; each newest first.
    pub events: Vec<Event>,
    /// Arrival time of the oldest event; `None` without events.
    pub since: Option<Timestamp>,
    /// Too short for a search inside words: only documents whose number starts with it were searched.
    pub is_short: bool,
}

/// Appends the events that are not there yet.
fn append_new(events: &mut Vec<Event>, more: Vec<Event>, limit: usize) {
    let known: HashSet<EventId> = events.iter().map(|event| event.id).collect();
    events.extend(more.into_iter().filter(|event| !known.contains(&event.id)));
    events.truncate(limit);
}

impl Services {
    /// Events that contain all words of a text as parts of words, ignoring case and accents: in the document's number,
    /// names, tax number, e-mail address. Those whose number or name is the text itself come first: a customer before
    /// its invoices, an invoice before its receipts.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn find_events(&self, text: &str, limit: usize) -> ServiceResult<FoundEvents> {
        let text: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        let text = text.trim();
        let folded = fold(text);
        let parts: Vec<&str> = folded.split_whitespace().collect();
        let since = self.store.feed(0, EventFilter::default(), 1).await?.items.first().map(|event| event.arrived_at);
        if parts.is_empty() {
            return Ok(FoundEvents { since, ..FoundEvents::default() });
        }
        let mut events = self.labelled(text, true, limit).await?;
        if parts.iter().all(|part| part.chars().count() < PART_CHARS) {
            let begun = self.labelled(text, false, limit).await?;
            let is_short = events.is_empty();
            append_new(&mut events, begun, limit);
            return Ok(FoundEvents { events, since, is_short });
        }
        append_new(&mut events, self.containing(&parts, limit).await?, limit);
        Ok(FoundEvents { events, since, is_short: false })
    }

    /// By the document's number, or its start.
    async fn labelled(&self, label: &str, exactly: bool, limit: usize) -> ServiceResult<Vec<Event>> {
        let filter = EventFilter { label: Some(label.to_owned()), exactly, ..EventFilter::default() };
        Ok(self.store.recent(None, filter, limit).await?.items)
    }

    async fn containing(&self, parts: &[&str], limit: usize) -> ServiceResult<Vec<Event>> {
        let (long, short): (Vec<&str>, Vec<&str>) = parts.iter().partition(|part| part.chars().count() >= PART_CHARS);
        let wanted = if short.is_empty() { limit } else { CANDIDATES };
        let hits = self.store.search(long.iter().map(|part| (*part).to_owned()).collect(), wanted).await;
        // A damaged index is rebuilt: meanwhile results from the newest events are better than an error.
        let hits = hits.unwrap_or_else(|error| {
            tracing::warn!(%error, "the search index can't be read: only the newest events are searched");
            SearchHits::default()
        });
        let newest = self.store.recent(None, EventFilter::default(), NEWEST_AT_FIRST).await?;
        let newest = match newest.items.last() {
            // Rare: the index lacks more events than were scanned.
            Some(last) if last.sequence > hits.indexed_to + 1 => {
                self.store.recent(None, EventFilter::default(), NEWEST).await?
            }
            _ => newest,
        };
        let has = |event: &Event, parts: &[&str]| {
            let text = fold(&text_of(event));
            parts.iter().all(|part| text.contains(part))
        };
        let unindexed = newest.items.into_iter().filter(|event| event.sequence > hits.indexed_to && has(event, parts));
        let indexed = hits.events.into_iter().filter(|event| short.is_empty() || has(event, &short));
        Ok(unindexed.chain(indexed).take(limit).collect())
    }
}
