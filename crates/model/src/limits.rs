//! The limits of CONTRACT §4, each the default of a setting.

/// Limits on sizes, times and counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum body of an API request, bytes.
    pub request_bytes: usize,
    /// Maximum body of an event, bytes.
    pub event_bytes: usize,
    /// Default timeout of an attempt, milliseconds.
    pub attempt_ms: u32,
    /// Connect timeout including TLS, milliseconds.
    pub connect_ms: u32,
    /// Maximum bytes read of a response.
    pub response_read_bytes: usize,
    /// Maximum bytes kept of a response.
    pub response_kept_bytes: usize,
    /// Default maximum of concurrent attempts per endpoint.
    pub in_flight_per_endpoint: u32,
    /// Maximum concurrent attempts.
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

/// Maximum timeout of an attempt that an endpoint may set, milliseconds.
pub const ATTEMPT_MS_MAX: u32 = 60_000;
/// How much longer than its longest attempt a lease lasts, milliseconds.
pub const LEASE_SLACK_MS: i64 = 5_000;
/// Header fields of a response.
pub const RESPONSE_HEADERS_MAX: usize = 64;
/// Bytes of a response's header block.
pub const RESPONSE_HEADER_BYTES_MAX: usize = 16 * 1024;
/// Minimum limit for a body of the plugin's outbox, bytes: no row accepted by the ERP's database may block it.
pub const OUTBOX_BYTES: usize = 64 << 20;
/// Events or changes in one request.
pub const BATCH_MAX: usize = 1000;
/// How long repeats are recognised, milliseconds.
pub const REPEAT_MS: i64 = 30 * 24 * 3600 * 1000;
/// How long processed rows of a source's outbox are remembered, milliseconds by the source's clock: restoring a backup
/// of the ERP's database within this time makes no event twice.
pub const PROCESSED_MS: i64 = 60 * 24 * 3600 * 1000;
/// Maximum delay by `Retry-After`, milliseconds.
pub const RETRY_AFTER_MS_MAX: i64 = 3600 * 1000;
/// Events scanned in one transaction when searching for one customer's data.
pub const PERSONAL_DATA_BATCH: i64 = 500;
/// Events about one customer per page, with their deliveries.
pub const PERSONAL_DATA_PAGE: usize = 20;
/// Deliveries erased in one transaction, unless one event has more.
pub const PERSONAL_DATA_ERASED: u64 = 50;
/// Rows that upkeep removes in one transaction.
pub const RETENTION_BATCH: u32 = 500;
/// Maximum retries in a policy.
pub const RETRIES_MAX: usize = 20;
/// Maximum delay between two attempts, seconds: a week.
pub const DELAY_S_MAX: u32 = 7 * 24 * 3600;

/// Maximum bins.
pub const BINS_MAX: i64 = 100;
/// Maximum consumers of the feed.
pub const CONSUMERS_MAX: i64 = 1000;
/// Maximum requests kept per bin.
pub const BIN_REQUESTS_MAX: i64 = 500;
/// Default and maximum lifetime of a bin: 24 hours, in seconds.
pub const BIN_TTL_S: i64 = 24 * 3600;
/// Bytes kept of a request's body.
pub const BIN_BODY_BYTES: usize = 256 * 1024;
