use std::time::Duration;

use crate::api::PollingOptions;

/// How sources are heard.
#[derive(Clone, Copy, Debug)]
pub struct SourceOptions {
    /// A connection of the ERP that is quiet for so long has ended its act, milliseconds.
    pub quiet_ms: i64,
    /// How often it is looked whether everything of ours is still in place.
    pub mend_every: Duration,
    /// How ERPs are asked that can only be asked.
    pub polling: PollingOptions,
}
