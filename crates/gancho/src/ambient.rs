//! The one place where the clock is read and randomness is drawn.

use std::time::{SystemTime, UNIX_EPOCH};

use gancho_model::{Ambient, Timestamp};
use rand::Rng;

/// The real time and the system's randomness.
pub struct Real;

impl Ambient for Real {
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    #[expect(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}
