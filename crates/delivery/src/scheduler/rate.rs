use gancho_model::MonoTime;

/// At most so many attempts a second: a bucket that holds one second's worth.
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

    /// The same bucket with another size, not filled anew.
    pub fn resized(self, per_s: u32) -> Self {
        Self { per_s: f64::from(per_s), tokens: self.tokens.min(f64::from(per_s)), ..self }
    }

    fn filled(&self, now: MonoTime) -> f64 {
        let passed_ms = now.since_ms(self.at).max(0) as f64;
        (self.tokens + passed_ms * self.per_s / 1000.0).min(self.per_s)
    }

    /// When the next attempt may go.
    pub fn next_at(&self, now: MonoTime) -> MonoTime {
        let missing = 1.0 - self.filled(now);
        if missing <= 0.0 { now } else { now.plus_ms((missing * 1000.0 / self.per_s).ceil() as i64) }
    }

    pub fn take(&mut self, now: MonoTime) {
        self.tokens = self.filled(now) - 1.0;
        self.at = now;
    }
}
