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
    /// How many of them match exactly.
    pub exact: usize,
    /// Whether older exact matches may exist, or older others if none is exact.
    pub is_cut: bool,
    /// Arrival time of the oldest event; `None` without events.
    pub since: Option<Timestamp>,
    /// Too short for a search inside words: only documents whose number starts with it were searched.
    pub is_short: bool,
}

/// Exact matches first; where there are many, they leave half of the room to others.
fn joined(
    mut events: Vec<Event>,
    others: Vec<Event>,
    limit: usize,
    since: Option<Timestamp>,
    is_short: bool,
) -> FoundEvents {
    let known: HashSet<EventId> = events.iter().map(|event| event.id).collect();
    let others: Vec<Event> = others.into_iter().filter(|event| !known.contains(&event.id)).collect();
    let all_exact = events.len();
    events.truncate(limit - others.len().min(limit / 2));
    let exact = events.len();
    let is_cut = if exact > 0 { exact < all_exact || all_exact == limit } else { others.len() >= limit };
    events.extend(others);
    events.truncate(limit);
    FoundEvents { events, exact, is_cut, since, is_short }
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
        let exact = self.labelled(text, true, limit).await?;
        if parts.iter().all(|part| part.chars().count() < PART_CHARS) {
            let begun = self.labelled(text, false, limit).await?;
            return Ok(joined(exact, begun, limit, since, true));
        }
        let others = self.containing(&parts, limit).await?;
        Ok(joined(exact, others, limit, since, false))
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use gancho_model::EventType;

    use super::*;

    fn event(n: u64) -> Event {
        let at = Timestamp::from_ms(0);
        Event {
            id: EventId::from_bytes(u128::from(n).to_be_bytes()),
            sequence: n,
            event: EventType::parse("invoice.created").expect("a type"),
            created: at,
            arrived_at: at,
            source: None,
            object: None,
            label: None,
            body: Bytes::new(),
        }
    }

    fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<Event> {
        numbers.into_iter().map(event).collect()
    }

    fn found(exact: u64, others: u64) -> (usize, usize) {
        let others = events((0..exact.min(2)).chain(100..100 + others));
        let found = joined(events(0..exact), others, 10, None, false);
        (found.exact, found.events.len() - found.exact)
    }

    #[test]
    fn exact_hits_leave_half_of_the_room_to_others() {
        assert_eq!(found(0, 20), (0, 10));
        assert_eq!(found(3, 20), (3, 7));
        assert_eq!(found(10, 20), (5, 5));
        assert_eq!(found(10, 2), (8, 2), "what the others don't need");
        assert_eq!(found(10, 0), (10, 0), "those that are exact too are not counted twice");
        let is_cut =
            |exact: u64, others: u64| joined(events(0..exact), events(100..100 + others), 10, None, false).is_cut;
        assert!(!is_cut(0, 9) && is_cut(0, 10) && !is_cut(3, 20) && is_cut(8, 20) && is_cut(10, 0));
    }
}
