//! The filters of the list of deliveries, as they stand in its address.

use gancho_model::{ErrorKind, Pattern, State, Timestamp};
use gancho_store::DeliveryFilter;

use crate::ui::query::Query;

/// The names in the address.
pub(crate) const NAMES: [&str; 7] = ["state", "endpoint", "type", "answer", "hours", "document", "q"];

/// Reads them; what makes no sense is as if it were not there.
pub(crate) fn read(query: &Query, now: Timestamp) -> DeliveryFilter {
    let hours = query.read("hours", |text| text.parse::<i64>().ok()).filter(|hours| (1..=24 * 366).contains(hours));
    let answer = query.text("answer");
    DeliveryFilter {
        endpoint: query.read("endpoint", |text| text.parse().ok()),
        event: query.read("event", |text| text.parse().ok()),
        types: query.read("type", |text| Pattern::parse(text).ok()).into_iter().collect(),
        state: query.read("state", State::parse),
        since: hours.map(|hours| now.plus_ms(-hours * 3_600_000)),
        until: None,
        text: query.get("q").map(ToOwned::to_owned),
        label: query.get("document").map(ToOwned::to_owned),
        class: answer.strip_suffix("xx").and_then(|class| class.parse().ok()).filter(|class| (1..=5).contains(class)),
        error: ErrorKind::parse(answer),
    }
}
