//! The only place that reads the clocks and generates randomness.

use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gancho_model::{Clock, MonoTime, Rng, Timestamp};
use rand::Rng as _;
use rustix::time::{ClockId, clock_gettime};

/// The real time and the system's randomness.
pub struct System;

/// Time since 1970; finer than a [`Timestamp`], for measurements between processes.
#[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
pub fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Time since boot, including suspension; it can't be set.
fn since_boot_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}

/// The difference between the wall clock and the boot clock at first use.
fn start_offset_ms() -> i64 {
    static OFFSET: OnceLock<i64> = OnceLock::new();
    *OFFSET.get_or_init(|| System.now().ms() - since_boot_ms())
}

impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(i64::try_from(since_1970().as_millis()).unwrap_or(i64::MAX))
    }

    fn mono(&self) -> MonoTime {
        MonoTime::from_ms(start_offset_ms() + since_boot_ms())
    }
}

impl Rng for System {
    #[expect(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
    fn fill(&self, buffer: &mut [u8]) {
        rand::rng().fill_bytes(buffer);
    }
}
