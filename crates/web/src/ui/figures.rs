//! A day in figures, the same wherever they stand. Attempts are counted as attempts, deliveries as deliveries: one that
//! failed twice and then arrived is one delivery and three attempts.

use gancho_model::{Counters, Timestamp};

use super::page_context::PageContext;

/// The figures of 24 hours, in words.
pub(crate) struct Figures {
    /// Deliveries that arrived.
    pub delivered: String,
    /// Attempts that failed, whether or not others followed.
    pub failed_attempts: String,
    /// Deliveries that failed for good.
    pub failed: String,
    /// The share of attempts that arrived.
    pub success: String,
    /// Deliveries that wait now.
    pub waiting: String,
    /// Since when the oldest of them waits.
    pub oldest: String,
    /// What 95 % of those that arrived did not take longer than.
    pub p95: String,
    /// Whether any attempt failed, and any delivery for good: those stand out.
    pub has_failed: (bool, bool),
}

impl Figures {
    pub fn new(context: &PageContext, day: &Counters, waiting: u64, oldest: Option<Timestamp>) -> Self {
        let words = &context.words;
        let number = |count: u64| words.number(count.cast_signed());
        let none = || "–".to_owned();
        Self {
            delivered: number(day.delivered),
            failed_attempts: number(day.failed_attempts()),
            failed: number(day.failed),
            success: day.success().map_or_else(none, |share| words.percent(share)),
            waiting: number(waiting),
            oldest: oldest.map_or_else(String::new, |at| words.span(context.now.since_ms(at))),
            p95: day.p95_ms().map_or_else(none, |ms| words.span(ms.into())),
            has_failed: (day.failed_attempts() > 0, day.failed > 0),
        }
    }
}
