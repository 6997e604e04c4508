//! The ERP's REST API, asked again and again.
//!
//! It tells no changes, so they are found: by new keys, by reading again and comparing with what was
//! seen ([`compare`]), by absence that the record's own address confirms. [`walk`] reads lists page by
//! page without trusting them; [`round`] says what is read when.

mod address;
pub(crate) mod check;
mod client;
mod compare;
mod error;
mod fetch;
mod look;
mod missing;
mod poller;
mod reading;
mod round;
mod run;
mod walk;
mod watched;

pub(crate) use address::Base;
pub(crate) use client::Client;
pub(crate) use error::ApiError;
pub(crate) use poller::Poller;
pub(crate) use walk::Walk;

use std::time::Duration;

/// How ERPs are asked.
#[derive(Clone, Copy, Debug)]
pub struct AskingOptions {
    /// How often new records are looked for.
    pub new_every: Duration,
    /// How often changes are.
    pub changes_every: Duration,
    /// Of how many days back documents are then read again.
    pub changes_days: u32,
    /// How often everything is read.
    pub sweep_every: Duration,
    /// Records on a page of a list.
    pub page_rows: u32,
    /// Requests a second at the most.
    pub requests_per_s: u32,
}
