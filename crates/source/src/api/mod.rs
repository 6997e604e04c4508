//! The ERP's REST API, polled.
//!
//! The API reports no changes, so polling detects them: new records by their keys, changes by comparing with the last
//! snapshot ([`compare`]), deletions by absence that GET by id confirms. [`page_cursor`] reads lists page by page and
//! verifies them; [`schedule`] decides what is read when, [`list_state`] holds each list's progress, [`record_reader`]
//! reads, and [`scanner`] combines them.

mod address;
pub(crate) mod check;
mod client;
mod compare;
mod error;
mod list_state;
mod missing;
pub(crate) mod one;
mod outbox_fetcher;
mod page_cursor;
mod payments;
mod poller;
mod record_diff;
mod record_reader;
mod run;
mod scanner;
mod schedule;
mod seen;
mod source_error;

pub(crate) use address::Base;
pub(crate) use client::ErpClient;
pub(crate) use error::ApiError;
pub(crate) use page_cursor::PageCursor;
pub(crate) use poller::ApiPoller;

use std::time::Duration;

/// How ERPs are polled.
#[derive(Clone, Copy, Debug)]
pub struct PollingOptions {
    /// Interval between polls for new records.
    pub new_every: Duration,
    /// Interval between polls for changed records.
    pub changes_every: Duration,
    /// Days back for which documents are then read again.
    pub changes_days: u32,
    /// Interval between full scans.
    pub sweep_every: Duration,
    /// Records per page.
    pub page_rows: u32,
    /// Maximum requests per second.
    pub requests_per_s: u32,
}
