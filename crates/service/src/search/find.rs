use gancho_model::{Event, Timestamp};
use gancho_store::{EventFilter, SearchHits};
use gancho_words::fold;

use super::text_of;
use crate::{ServiceResult, Services};

/// Characters that a part needs to be found inside of words.
const PART_CHARS: usize = 3;
/// Newest events read one by one, because the index may not have them yet.
const NEWEST: usize = 1_000;
/// As many of them are enough while the index is up to date but for the last few.
const NEWEST_AT_FIRST: usize = 100;
/// Most events from the index that are read for words too short for it.
const CANDIDATES: usize = 1_000;

/// What was found, and how far back was looked.
#[derive(Clone, Debug, Default)]
pub struct FoundEvents {
    /// Newest first.
    pub events: Vec<Event>,
    /// When the oldest event that there is arrived; nothing where there are none.
    pub since: Option<Timestamp>,
    /// Too short to be looked for inside of words: only documents whose number begins so were looked for.
    pub is_short: bool,
}

impl Services {
    /// Events in which all words of a text stand, as parts of words, whatever their case and accents: in the document's
    /// number, names, tax number, e-mail. Who asks for a whole number gets that document alone.
    ///
    /// # Errors
    /// When the store refuses.
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
        if !exact.is_empty() {
            return Ok(FoundEvents { events: exact, since, is_short: false });
        }
        if parts.iter().all(|part| part.chars().count() < PART_CHARS) {
            let events = self.labelled(text, false, limit).await?;
            return Ok(FoundEvents { events, since, is_short: true });
        }
        Ok(FoundEvents { events: self.containing(&parts, limit).await?, since, is_short: false })
    }

    /// By the number of the document, or its beginning.
    async fn labelled(&self, label: &str, exactly: bool, limit: usize) -> ServiceResult<Vec<Event>> {
        let filter = EventFilter { label: Some(label.to_owned()), exactly, ..EventFilter::default() };
        Ok(self.store.recent(None, filter, limit).await?.items)
    }

    async fn containing(&self, parts: &[&str], limit: usize) -> ServiceResult<Vec<Event>> {
        let (long, short): (Vec<&str>, Vec<&str>) = parts.iter().partition(|part| part.chars().count() >= PART_CHARS);
        let wanted = if short.is_empty() { limit } else { CANDIDATES };
        let hits = self.store.search(long.iter().map(|part| (*part).to_owned()).collect(), wanted).await;
        // An index that is spoilt is made anew: meanwhile the newest events are better than an error.
        let hits = hits.unwrap_or_else(|error| {
            tracing::warn!(%error, "the search index can't be read: only the newest events are searched");
            SearchHits::default()
        });
        let newest = self.store.recent(None, EventFilter::default(), NEWEST_AT_FIRST).await?;
        let newest = match newest.items.last() {
            // Hardly ever: the index is behind by more than a glance.
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
