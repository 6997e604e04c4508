use crate::{Moment, MonoTime, Timestamp};

/// The source of time. The binary uses the computer's clocks; tests and simulations use their own. Nothing else in the
/// workspace reads a clock.
pub trait Clock: Send + Sync {
    /// The wall clock, for timestamps shown to users. It may be set forward or back.
    fn now(&self) -> Timestamp;

    /// The monotonic clock, for scheduling.
    fn mono(&self) -> MonoTime;

    /// Both.
    fn moment(&self) -> Moment {
        Moment { wall: self.now(), mono: self.mono() }
    }
}

/// The source of randomness. Nothing else in the workspace generates random numbers.
pub trait Rng: Send + Sync {
    /// Fills the buffer with cryptographically secure random bytes.
    fn fill(&self, buffer: &mut [u8]);

    /// A number in `0.0..1.0`, to spread retries.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Time and randomness.
pub trait Environment: Clock + Rng {}

impl<T: Clock + Rng> Environment for T {}
