use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A time: milliseconds since 1970 in UTC. Written as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The year 9999, the end of RFC 3339.
const LATEST_MS: i64 = 253_402_207_200_000;

impl Timestamp {
    /// From milliseconds since 1970, clamped to the years of RFC 3339.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(-LATEST_MS / 8, LATEST_MS))
    }

    /// The same for a constant, which must be in range.
    pub const fn from_ms_const(ms: i64) -> Self {
        Self(ms)
    }

    /// From seconds since 1970, clamped likewise.
    pub fn from_s(s: i64) -> Self {
        Self::from_ms(s.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub fn s(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This time plus milliseconds.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time; negative if it is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Parses RFC 3339 with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Self::from_ms(at.as_millisecond()));
        }
        // jiff's range ends two days before the year 9999 does, which is often used for "forever".
        let rest = ["9999-12-30", "9999-12-31"].iter().find_map(|day| text.strip_prefix(day))?;
        let like: jiff::Timestamp = format!("9999-12-29{rest}").parse().ok()?;
        (like.as_second() > 0).then(|| Self::from_ms(jiff::Timestamp::MAX.as_millisecond()))
    }
}

/// A time of the monotonic clock used for scheduling: the wall time at the start of the process plus the time elapsed
/// since. Setting the computer's clock does not affect it. It is written like a [`Timestamp`], but must be converted by
/// [`Moment::shown`] before a user sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonoTime(Timestamp);

impl MonoTime {
    /// From milliseconds since 1970.
    pub fn from_ms(ms: i64) -> Self {
        Self(Timestamp::from_ms(ms))
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> i64 {
        self.0.ms()
    }

    /// This time plus milliseconds.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.plus_ms(ms))
    }

    /// Milliseconds from `earlier` to this time; negative if it is later.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.since_ms(earlier.0)
    }
}

/// Now, by both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock: for stored and shown times, never for scheduling.
    pub wall: Timestamp,
    /// The monotonic clock: for scheduling.
    pub mono: MonoTime,
}

impl Moment {
    /// The wall time of a scheduled time, as far as it is known now.
    pub fn shown(self, at: MonoTime) -> Timestamp {
        self.wall.plus_ms(at.since_ms(self.mono))
    }

    /// How far the wall clock is ahead of the monotonic clock, milliseconds: it was set since the start.
    pub fn drift_ms(self) -> i64 {
        self.wall.ms() - self.mono.ms()
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // from_ms keeps the range of jiff.
        let at = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        write!(f, "{at:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom("not an RFC 3339 time"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, MonoTime, Timestamp};

    #[test]
    fn what_is_planned_is_shown_by_the_wall_clock() {
        let now = Moment { wall: Timestamp::from_s(7_300), mono: MonoTime::from_ms(100_000) };
        assert_eq!(now.shown(MonoTime::from_ms(105_000)), Timestamp::from_s(7_305));
        assert_eq!(now.drift_ms(), 7_200_000);
    }

    #[test]
    fn written_with_milliseconds_and_read_with_any_offset() {
        assert_eq!(Timestamp::from_ms(1_709_546_400_007).to_string(), "2024-03-04T10:00:00.007Z");
        assert_eq!(Timestamp::from_s(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::parse("2024-03-04T11:00:00+01:00"), Some(Timestamp::from_s(1_709_546_400)));
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert!(Timestamp::from_ms(i64::MAX).to_string().starts_with("9999-12-30"));
        assert!(!Timestamp::from_ms(i64::MIN).to_string().is_empty());
    }
}
