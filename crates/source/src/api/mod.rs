//! The ERP's REST API, polled.
//!
//! It announces no changes, so they are found: new records by their keys, changes by reading again and comparing with
//! the last snapshot ([`compare`]), deletions by absence that the record's own address confirms. [`page_cursor`] reads
//! lists page by page without trusting them; [`schedule`] says what is read when, [`list_state`] how far each list was read,
//! [`record_reader`] reads, and [`scanner`] puts them together.

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
    /// Of how many days back documents are then read again.
    pub changes_days: u32,
    /// Interval between full scans.
    pub sweep_every: Duration,
    /// Records on a page of a list.
    pub page_rows: u32,
    /// Requests a second at the most.
    pub requests_per_s: u32,
}
