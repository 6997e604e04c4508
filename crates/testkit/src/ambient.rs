use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use gancho_model::{Ambient, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};

/// A clock that moves when it is told to, and randomness from a seed.
pub struct ManualAmbient {
    now_ms: AtomicI64,
    rng: Mutex<StdRng>,
}

impl ManualAmbient {
    /// Begins at this second.
    pub fn new(seed: u64, now_s: i64) -> Self {
        Self { now_ms: AtomicI64::new(now_s * 1000), rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// Moves the clock, back too.
    pub fn advance_ms(&self, ms: i64) -> Timestamp {
        Timestamp::from_ms(self.now_ms.fetch_add(ms, Ordering::SeqCst) + ms)
    }
}

impl Ambient for ManualAmbient {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now_ms.load(Ordering::SeqCst))
    }

    fn fill(&self, buffer: &mut [u8]) {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buffer);
    }
}
