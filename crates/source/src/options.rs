use std::time::Duration;

use crate::api::PollingOptions;

/// How sources are watched.
#[derive(Clone, Copy, Debug)]
pub struct SourceOptions {
    /// Inactivity of a database connection of the ERP after which its changes count as one act, milliseconds.
    pub quiet_ms: i64,
    /// Interval between checks that the triggers are in place.
    pub mend_every: Duration,
    /// How ERPs are polled.
    pub polling: PollingOptions,
}
