use crate::{Moment, MonoTime, Timestamp};

/// What enters from outside: time and chance. The binary wires the real ones; tests and
/// simulations wire their own. Nothing else in the workspace reads a clock or draws a number.
pub trait Ambient: Send + Sync {
    /// The time now, as the computer's clock shows it: to be stamped and shown.
    fn now(&self) -> Timestamp;

    /// The time now on the clock by which everything that waits is planned.
    fn mono(&self) -> MonoTime;

    /// Both.
    fn moment(&self) -> Moment {
        Moment { wall: self.now(), mono: self.mono() }
    }

    /// Fills the buffer with random bytes, fit for secrets.
    fn fill(&self, buffer: &mut [u8]);

    /// A number in `0.0..1.0`, for jitter.
    fn fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}
