//! Charts rendered on the server as SVG, with attributes only: the content security policy forbids inline styles.

mod day;
mod json;
mod spark;

pub(crate) use day::{Bar, day};
pub(crate) use json::json;
pub(crate) use spark::spark;

use gancho_model::{Counters, HourlyStats, Timestamp};

/// An hour, milliseconds.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// A day, milliseconds.
pub(crate) const DAY_MS: i64 = 24 * HOUR_MS;

/// The last 24 hours of some counters, oldest first; the last is the current hour.
pub(crate) fn last_day(hours: &[HourlyStats], wanted: impl Fn(&HourlyStats) -> bool, now: Timestamp) -> [Counters; 24] {
    let last = now.ms().div_euclid(HOUR_MS);
    let mut day = [Counters::default(); 24];
    for hour in hours.iter().filter(|hour| wanted(hour)) {
        let place = usize::try_from(hour.hour - (last - 23));
        if let Some(counters) = place.ok().and_then(|place| day.get_mut(place)) {
            counters.add(&hour.counters);
        }
    }
    day
}

/// The sum of a day.
pub(crate) fn sum(day: &[Counters; 24]) -> Counters {
    let mut sum = Counters::default();
    day.iter().for_each(|hour| sum.add(hour));
    sum
}

/// Text escaped for SVG.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
