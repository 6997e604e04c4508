//! The filters of the list of deliveries, from its URL.

use gancho_model::{DeliveryId, ErrorKind, State, Timestamp};
use gancho_store::DeliveryFilter;
use gancho_words::Words;

use crate::ui::query::{Query, Unreadable};

/// The parameter names.
pub(crate) const NAMES: [&str; 11] =
    ["state", "endpoint", "event", "type", "answer", "hours", "from", "to", "document", "q", "ids"];

/// Parses them.
///
/// # Errors
/// The name of an invalid one: ignoring it would show, or resend, more than requested.
pub(crate) fn read(query: &Query, words: &Words, now: Timestamp) -> Result<DeliveryFilter, Unreadable> {
    let (mut class, mut error) = (None, None);
    query.must("answer", |text| {
        class = text.strip_suffix("xx").and_then(|class| class.parse().ok()).filter(|class| (1..=5).contains(class));
        error = ErrorKind::parse(text);
        (class.is_some() || error.is_some()).then_some(())
    })?;
    let (since, until) = query.range(words, now)?;
    let id = |text: &str| text.split(',').map(|id| id.parse().ok()).collect::<Option<Vec<DeliveryId>>>();
    Ok(DeliveryFilter {
        endpoint: query.must("endpoint", |text| text.parse().ok())?,
        event: query.must("event", |text| text.parse().ok())?,
        types: query.patterns("type")?,
        state: query.must("state", State::parse)?,
        since,
        until,
        text: query.get("q").map(ToOwned::to_owned),
        label: query.get("document").map(ToOwned::to_owned),
        class,
        error,
        ids: query.must("ids", id)?.unwrap_or_default(),
        ended_by: None,
    })
}
