//! Formats times for the reader's language and time zone.

use gancho_model::{Arg, Timestamp};
use jiff::{Zoned, civil, tz::TimeZone};

use crate::{Language, Words};

const MONTHS: [[&str; 12]; 2] = [
    ["ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic"],
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec"],
];

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

impl Words {
    fn zoned(&self, at: Timestamp) -> Zoned {
        let at = jiff::Timestamp::from_millisecond(at.ms()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        at.to_zoned(self.zone.clone())
    }

    fn day(&self, at: &Zoned) -> String {
        let months = MONTHS[usize::from(self.language == Language::En)];
        let month = months[usize::try_from(at.month() - 1).unwrap_or(0)];
        format!("{} {month} {}", at.day(), at.year())
    }

    /// `24 nov 2026, 18:30:05`
    pub fn full(&self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        format!("{}, {}", self.day(&zoned), zoned.strftime("%H:%M:%S"))
    }

    /// The same with milliseconds and the time zone.
    pub fn exact(&self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        format!(
            "{}, {}.{:03} ({})",
            self.day(&zoned),
            zoned.strftime("%H:%M:%S"),
            at.ms().rem_euclid(1000),
            zoned.strftime("%Z")
        )
    }

    /// `18:30:05` today, otherwise `24 nov, 18:30`, with the year if it differs.
    pub fn short(&self, at: Timestamp, now: Timestamp) -> String {
        let (zoned, today) = (self.zoned(at), self.zoned(now));
        if zoned.date() == today.date() {
            return zoned.strftime("%H:%M:%S").to_string();
        }
        let day = self.day(&zoned);
        let day =
            if zoned.year() == today.year() { day.trim_end_matches(|last: char| last.is_ascii_digit()) } else { &day };
        format!("{}, {}", day.trim_end(), zoned.strftime("%H:%M"))
    }

    /// A date from `2026-11-24`: `24 nov 2026`; `None` if the text is no date.
    pub fn date(&self, text: &str) -> Option<String> {
        let date: civil::Date = text.parse().ok()?;
        let at = date.to_zoned(TimeZone::UTC).ok()?;
        Some(self.day(&at))
    }

    /// Parses a date and time in the reader's time zone, in the format of a browser's input: `2026-11-29T18:30`.
    pub fn parse_time(&self, text: &str) -> Option<Timestamp> {
        let at: civil::DateTime = text.parse().ok()?;
        let zoned = at.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_ms(zoned.timestamp().as_millisecond()))
    }

    /// The hour of the day, such as `18:00`.
    pub fn hour(&self, at: Timestamp) -> String {
        self.zoned(at).strftime("%H:%M").to_string()
    }

    /// A duration in its largest unit: `41 s`, `12 min`, `3 h`, `5 d`.
    pub fn span(&self, ms: i64) -> String {
        match ms.max(0) {
            ms @ 0..1000 => format!("{ms}\u{a0}ms"),
            ms @ 1000..MINUTE_MS => format!("{}\u{a0}s", ms / 1000),
            ms @ MINUTE_MS..HOUR_MS => format!("{}\u{a0}min", ms / MINUTE_MS),
            ms @ HOUR_MS..DAY_MS => format!("{}\u{a0}h", ms / HOUR_MS),
            ms => format!("{}\u{a0}d", ms / DAY_MS),
        }
    }

    /// A relative time: `hace 3 h`, or `en 12 min` for a future one.
    pub fn ago(&self, at: Timestamp, now: Timestamp) -> String {
        let ms = now.since_ms(at);
        match ms {
            -999..1000 => self.get("time-now"),
            1000.. => self.with("time-ago", &[("span", Arg::from(self.span(ms)))]),
            _ => self.with("time-in", &[("span", Arg::from(self.span(-ms)))]),
        }
    }
}
