use crate::EndpointId;

/// Upper bounds of latency buckets, milliseconds; the last bucket includes longer ones.
pub const LATENCY_BUCKETS_MS: [u32; 10] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 10_000];

/// Outcomes of attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Successful attempts.
    pub delivered: u64,
    /// Failed attempts that are retried.
    pub retried: u64,
    /// Failed last attempts.
    pub failed: u64,
    /// Durations of successful attempts, by [`LATENCY_BUCKETS_MS`].
    pub classes: [u64; LATENCY_BUCKETS_MS.len()],
}

/// The counters of one endpoint in one hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourlyStats {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The hour, in hours since 1970 in UTC.
    pub hour: i64,
    /// Outcomes of its attempts.
    pub counters: Counters,
}

impl Counters {
    /// Counts a successful attempt with this duration.
    pub fn note_delivered(&mut self, ms: u32) {
        self.delivered += 1;
        let class = LATENCY_BUCKETS_MS.iter().position(|end| ms <= *end).unwrap_or(LATENCY_BUCKETS_MS.len() - 1);
        self.classes[class] += 1;
    }

    /// Adds other counters.
    pub fn add(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.retried += other.retried;
        self.failed += other.failed;
        for (class, more) in self.classes.iter_mut().zip(other.classes) {
            *class += more;
        }
    }

    /// Failed attempts, retried or not.
    pub fn failed_attempts(&self) -> u64 {
        self.retried + self.failed
    }

    /// Total attempts.
    pub fn attempts(&self) -> u64 {
        self.delivered + self.failed_attempts()
    }

    /// The share of successful attempts, 0 to 1; `None` without attempts.
    pub fn success(&self) -> Option<f64> {
        (self.attempts() > 0).then(|| self.delivered as f64 / self.attempts() as f64)
    }

    /// The 95th percentile of successful attempts' durations, as precise as the buckets, milliseconds.
    pub fn p95_ms(&self) -> Option<u32> {
        let all: u64 = self.classes.iter().sum();
        let wanted = (all * 95).div_ceil(100);
        let mut seen = 0;
        LATENCY_BUCKETS_MS.iter().zip(self.classes).find_map(|(end, count)| {
            seen += count;
            (seen >= wanted && all > 0).then_some(*end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_durations() {
        let mut counters = Counters::default();
        assert_eq!((counters.success(), counters.p95_ms()), (None, None));
        (0..95).for_each(|_| counters.note_delivered(8));
        (0..5).for_each(|_| counters.note_delivered(60_000));
        assert_eq!(counters.p95_ms(), Some(10));
        counters.note_delivered(400);
        assert_eq!(counters.p95_ms(), Some(500));
        counters.retried += 101;
        assert_eq!(counters.success(), Some(0.5));
    }
}
