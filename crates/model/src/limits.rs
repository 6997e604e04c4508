//! The limits of CONTRACT §4, each the default of a setting.

/// Sizes, times and numbers that bound everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest body of an API request, bytes.
    pub request_bytes: usize,
    /// Largest body of an event, bytes.
    pub event_bytes: usize,
    /// An attempt all in all, if the endpoint says nothing, milliseconds.
    pub attempt_ms: u32,
    /// Connecting, TLS included, milliseconds.
    pub connect_ms: u32,
    /// How much of an answer is read, bytes.
    pub response_read_bytes: usize,
    /// How much of an answer is kept, bytes.
    pub response_kept_bytes: usize,
    /// Attempts at once to one endpoint, if it says nothing.
    pub in_flight_per_endpoint: u32,
    /// Attempts at once in all.
    pub in_flight: u32,
    /// How long events, deliveries and attempts are kept, days.
    pub retention_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 1024 * 1024,
            event_bytes: 256 * 1024,
            attempt_ms: 10_000,
            connect_ms: 5_000,
            response_read_bytes: 64 * 1024,
            response_kept_bytes: 16 * 1024,
            in_flight_per_endpoint: 8,
            in_flight: 512,
            retention_days: 30,
        }
    }
}

/// The longest time that an endpoint may ask for an attempt, milliseconds.
pub const ATTEMPT_MS_MAX: u32 = 60_000;
/// How much longer than its longest attempt a lease lasts, milliseconds.
pub const LEASE_SLACK_MS: i64 = 5_000;
/// Header fields of a response.
pub const RESPONSE_HEADERS_MAX: usize = 64;
/// Bytes of a response's header block.
pub const RESPONSE_HEADER_BYTES_MAX: usize = 16 * 1024;
/// The least that a body of the plugin's outbox may be, bytes: no row that the ERP's database took may jam it.
pub const OUTBOX_BYTES: usize = 64 << 20;
/// Events or changes in one request.
pub const BATCH_MAX: usize = 1000;
/// How long a repeat is recognised, milliseconds.
pub const REPEAT_MS: i64 = 30 * 24 * 3600 * 1000;
/// How long the rows of a source's outbox are remembered, milliseconds by the source's clock: a backup of the ERP's
/// database that is restored within this time makes no event twice.
pub const PROCESSED_MS: i64 = 60 * 24 * 3600 * 1000;
/// How far a `Retry-After` may postpone, milliseconds.
pub const RETRY_AFTER_MS_MAX: i64 = 3600 * 1000;
/// Events looked at in one transaction where one customer's data is looked for.
pub const PERSONAL_DATA_BATCH: i64 = 500;
/// Events about one customer on one page, with all that was sent of each.
pub const PERSONAL_DATA_PAGE: usize = 20;
/// Deliveries that are erased in one transaction, if not those of one event are more.
pub const PERSONAL_DATA_ERASED: u64 = 50;
/// Rows removed in one transaction by upkeep.
pub const RETENTION_BATCH: u32 = 500;
/// The longest plan of retries.
pub const RETRIES_MAX: usize = 20;
/// The longest wait between two attempts, seconds: a week.
pub const DELAY_S_MAX: u32 = 7 * 24 * 3600;

/// Bins at once.
pub const BINS_MAX: i64 = 100;
/// Consumers of the feed.
pub const CONSUMERS_MAX: i64 = 1000;
/// Requests kept of one bin.
pub const BIN_REQUESTS_MAX: i64 = 500;
/// How long a bin lives, if nobody says otherwise, and at most: 24 hours, seconds.
pub const BIN_TTL_S: i64 = 24 * 3600;
/// Bytes kept of a request's body.
pub const BIN_BODY_BYTES: usize = 256 * 1024;
