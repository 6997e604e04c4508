//! The figures of a day, the same on all pages. Attempts and deliveries are counted separately: one that failed twice
//! and then succeeded is one delivery and three attempts.

use gancho_model::Counters;
use gancho_store::{EndpointBacklog, FAILED_MAX};

use super::page_context::PageContext;

/// The figures of 24 hours, as text.
pub(crate) struct Figures {
    /// Successful deliveries.
    pub delivered: String,
    /// Failed attempts, retried or not.
    pub failed_attempts: String,
    /// Deliveries of these hours that are failed now, without those resent successfully.
    pub failed: String,
    /// The share of successful attempts.
    pub success: String,
    /// Pending deliveries.
    pub waiting: String,
    /// Since when the oldest of them is pending.
    pub oldest: String,
    /// The 95th percentile of successful attempts' durations.
    pub p95: String,
    /// Whether any attempt failed, and any delivery: to highlight them.
    pub has_failed: (bool, bool),
}

impl Figures {
    /// `failed`: deliveries of the day that are failed now.
    pub fn new(context: &PageContext, day: &Counters, backlog: EndpointBacklog, failed: u64) -> Self {
        let words = &context.words;
        let number = |count: u64| words.number(count.cast_signed());
        let none = || "–".to_owned();
        Self {
            delivered: number(day.delivered),
            failed_attempts: number(day.failed_attempts()),
            failed: if failed < FAILED_MAX { number(failed) } else { format!("{}+", number(FAILED_MAX)) },
            success: day.success().map_or_else(none, |share| words.percent(share)),
            waiting: number(backlog.pending),
            oldest: backlog.oldest_pending_at.map_or_else(String::new, |at| words.span(context.now.since_ms(at))),
            p95: day.p95_ms().map_or_else(none, |ms| words.span(ms.into())),
            has_failed: (day.failed_attempts() > 0, failed > 0),
        }
    }
}
