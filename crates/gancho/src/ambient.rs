//! The one place where the clock is read and randomness is drawn.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gancho_model::{Ambient, Timestamp};
use rand::Rng;

/// The real time and the system's randomness.
pub struct Real;

/// Time since 1970; finer than a [`Timestamp`], for measurements between processes.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

impl Ambient for Real {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(i64::try_from(since_1970().as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}
