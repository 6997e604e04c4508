use gancho_model::MonoTime;

/// Limits attempts per second: a token bucket with a capacity of one second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    per_s: f64,
    tokens: f64,
    at: MonoTime,
}

impl Rate {
    pub fn new(per_s: u32, now: MonoTime) -> Self {
        Self { per_s: f64::from(per_s), tokens: f64::from(per_s), at: now }
    }

    /// The same bucket with another capacity, without refilling it.
    pub fn resized(self, per_s: u32) -> Self {
        Self { per_s: f64::from(per_s), tokens: self.tokens.min(f64::from(per_s)), ..self }
    }

    fn filled(&self, now: MonoTime) -> f64 {
        let passed_ms = now.since_ms(self.at).max(0) as f64;
        (self.tokens + passed_ms * self.per_s / 1000.0).min(self.per_s)
    }

    /// When the next attempt is allowed.
    pub fn next_at(&self, now: MonoTime) -> MonoTime {
        let missing = 1.0 - self.filled(now);
        if missing <= 0.0 { now } else { now.plus_ms((missing * 1000.0 / self.per_s).ceil() as i64) }
    }

    pub fn take(&mut self, now: MonoTime) {
        self.tokens = self.filled(now) - 1.0;
        self.at = now;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Taking a token whenever allowed: no interval has more attempts than one second's worth plus what the
        /// interval allows.
        #[test]
        fn no_span_has_more_than_its_part(per_s in 1..50u32, waits in prop::collection::vec(0..700i64, 1..120)) {
            let (mut now, mut taken) = (MonoTime::from_ms(1_000), vec![]);
            let mut rate = Rate::new(per_s, now);
            for wait in waits {
                now = rate.next_at(now.plus_ms(wait));
                rate.take(now);
                taken.push(now);
            }
            for (n, first) in taken.iter().enumerate() {
                for (more, last) in taken[n..].iter().enumerate() {
                    let most = f64::from(per_s) * (1.0 + last.since_ms(*first) as f64 / 1000.0) + 1.0;
                    prop_assert!((more + 1) as f64 <= most, "{} within {} ms", more + 1, last.since_ms(*first));
                }
            }
        }

        /// No wait is longer than the rate requires, and resizing adds no tokens.
        #[test]
        fn the_next_goes_within_its_pace(per_s in 1..50u32, other in 1..50u32, burst in 1..60u32) {
            let mut now = MonoTime::from_ms(1_000);
            let mut rate = Rate::new(per_s, now);
            for _ in 0..burst {
                now = rate.next_at(now);
                rate.take(now);
            }
            prop_assert!(rate.next_at(now).since_ms(now) <= i64::from(1000_u32.div_ceil(per_s)) + 1);
            let resized = rate.resized(other);
            prop_assert!(resized.filled(now) <= rate.filled(now));
            prop_assert!(resized.next_at(now).since_ms(now) <= i64::from(1000_u32.div_ceil(other)) + 1);
        }
    }

    #[test]
    fn a_clock_that_stands_or_a_long_rest_gives_no_more_than_a_second_s_worth() {
        for (rest_ms, expected) in [(0, 3), (1_000, 3), (3_600_000, 3)] {
            let start = MonoTime::from_ms(1_000);
            let mut rate = Rate::new(3, start);
            let now = start.plus_ms(rest_ms);
            let mut taken = 0;
            while rate.next_at(now) == now {
                rate.take(now);
                taken += 1;
            }
            assert_eq!(taken, expected, "after {rest_ms} ms");
        }
    }
}
