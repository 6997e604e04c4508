use crate::{Moment, MonoTime, Timestamp};

/// Where the time comes from. The binary wires the computer's clocks; tests and simulations wire their own. Nothing else
/// in the workspace reads a clock.
pub trait Clock: Send + Sync {
    /// The wall clock, to be stamped and shown. It may be set back and forth.
    fn now(&self) -> Timestamp;

    /// The monotonic clock, by which everything that waits is planned.
    fn mono(&self) -> MonoTime;

    /// Both.
    fn moment(&self) -> Moment {
        Moment { wall: self.now(), mono: self.mono() }
    }
}

/// Where randomness comes from. Nothing else in the workspace draws a number.
pub trait Rng: Send + Sync {
    /// Fills the buffer with random bytes, fit for secrets.
    fn fill(&self, buffer: &mut [u8]);

    /// A number in `0.0..1.0`, by which retries are spread.
    fn jitter(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// Time and randomness, for those who need both.
pub trait Environment: Clock + Rng {}

impl<T: Clock + Rng> Environment for T {}
