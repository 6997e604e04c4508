//! Parses times as entered by users: `1h`, `yesterday`, `2026-03-01`, or RFC 3339.

use gancho_model::{Clock as _, Timestamp};
use jiff::{civil::Date, tz::TimeZone};

use crate::{cli_error::CliError, system::System};

/// Parses a time, by this machine's clock and time zone; returns RFC 3339.
pub fn parse(text: &str) -> Result<String, CliError> {
    at(text, System.now(), &TimeZone::system()).map(|at| at.to_string()).ok_or_else(|| {
        CliError::usage(format!("{text} is no time: write 90m, 12h, 7d, today, yesterday, 2026-03-01 or RFC 3339"))
    })
}

fn at(text: &str, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    if let Some(at) = Timestamp::parse(text) {
        return Some(at);
    }
    if let Some(ms) = span_ms(text) {
        return Some(now.plus_ms(-ms));
    }
    let today = jiff::Timestamp::from_millisecond(now.ms()).ok()?.to_zoned(zone.clone()).date();
    let day: Date = match text {
        "today" => today,
        "yesterday" => today.yesterday().ok()?,
        text => text.parse().ok()?,
    };
    Some(Timestamp::from_ms(day.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond()))
}

/// A duration such as `90m`, in milliseconds.
fn span_ms(text: &str) -> Option<i64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.parse::<u32>().ok().map(|count| i64::from(count) * unit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let now = Timestamp::parse("2026-03-10T10:00:00Z").expect("a time");
        let zone = TimeZone::get("Europe/Madrid").expect("a zone");
        let read = |text| at(text, now, &zone).map(|at| at.to_string());
        for (text, right) in [
            ("90m", "2026-03-10T08:30:00.000Z"),
            ("12h", "2026-03-09T22:00:00.000Z"),
            ("7d", "2026-03-03T10:00:00.000Z"),
            ("today", "2026-03-09T23:00:00.000Z"),
            ("yesterday", "2026-03-08T23:00:00.000Z"),
            ("2026-03-01", "2026-02-28T23:00:00.000Z"),
            ("2026-03-01T10:00:00+01:00", "2026-03-01T09:00:00.000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(right), "{text}");
        }
        for bad in ["", "h", "soon", "-1h", "1w", "2026-13-01"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
