//! Pictures drawn on the server as SVG, by attributes only: a strict policy allows no styles inside.

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

/// The last 24 hours of some of the tallies, oldest first; the last is the hour that goes on.
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

/// All of a day together.
pub(crate) fn sum(day: &[Counters; 24]) -> Counters {
    let mut sum = Counters::default();
    day.iter().for_each(|hour| sum.add(hour));
    sum
}

/// A text inside a picture.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
