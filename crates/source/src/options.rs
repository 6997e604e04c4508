use std::time::Duration;

use crate::api::PollingOptions;

/// Options for watching sources.
#[derive(Clone, Copy, Debug)]
pub struct SourceOptions {
    /// Inactivity of a database connection of the ERP after which its changes form one group, milliseconds.
    pub quiet_ms: i64,
    /// Interval between checks that the triggers are in place.
    pub mend_every: Duration,
    /// How ERPs are polled.
    pub polling: PollingOptions,
}
