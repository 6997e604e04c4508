use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use gancho_model::{Clock, MonoTime, Rng, Timestamp};
use rand::{Rng as _, SeedableRng, rngs::StdRng};

/// Clocks that are set manually, and seeded randomness.
pub struct ManualClock {
    wall_ms: AtomicI64,
    mono_ms: AtomicI64,
    rng: Mutex<StdRng>,
}

impl ManualClock {
    /// Starts at this second.
    pub fn new(seed: u64, now_s: i64) -> Self {
        let clock = || AtomicI64::new(now_s * 1000);
        Self { wall_ms: clock(), mono_ms: clock(), rng: Mutex::new(StdRng::seed_from_u64(seed)) }
    }

    /// Advances both clocks.
    pub fn advance_ms(&self, ms: i64) -> Timestamp {
        self.mono_ms.fetch_add(ms, Ordering::SeqCst);
        self.set_wall_ms(ms)
    }

    /// Sets the wall clock forward or back.
    pub fn set_wall_ms(&self, by_ms: i64) -> Timestamp {
        Timestamp::from_ms(self.wall_ms.fetch_add(by_ms, Ordering::SeqCst) + by_ms)
    }

    /// Simulates another process: its monotonic clock starts at the wall clock.
    pub fn restart(&self) {
        self.mono_ms.store(self.wall_ms.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.wall_ms.load(Ordering::SeqCst))
    }

    fn mono(&self) -> MonoTime {
        MonoTime::from_ms(self.mono_ms.load(Ordering::SeqCst))
    }
}

impl Rng for ManualClock {
    fn fill(&self, buffer: &mut [u8]) {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(buffer);
    }
}
