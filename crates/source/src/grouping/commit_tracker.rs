use std::collections::HashMap;

use super::outbox_row::OutboxRow;

/// When a row can have been committed at the earliest: after the look at which it could not be
/// seen yet. Between looks, a connection that had not committed was not quiet.
#[derive(Debug, Default)]
pub struct CommitTracker {
    /// By row.
    committed_after: HashMap<i64, i64>,
    /// The rows that were to be seen before the last look that showed new ones, if it saw all there was. What a
    /// transaction wrote comes to be seen at once: rows that came at different looks are of different ones.
    seen_in: HashMap<i64, u64>,
    looks: u64,
    /// The last look that saw all there was.
    last_look: Option<i64>,
}

impl CommitTracker {
    /// Records what a batch showed at `now`. A partial batch says nothing of rows that it left out.
    pub fn note(&mut self, rows: &[OutboxRow], now: i64, whole: bool) {
        let mut still_there = HashMap::with_capacity(rows.len());
        let mut seen_in = HashMap::with_capacity(rows.len());
        let unseen = self.last_look.unwrap_or(i64::MIN);
        for row in rows {
            let known = self.committed_after.get(&row.id).copied();
            let settled = row.at_ms.max(if row.at_ms <= unseen { unseen } else { i64::MIN });
            still_there.insert(row.id, known.unwrap_or(settled));
            seen_in.insert(row.id, self.seen_in.get(&row.id).copied().unwrap_or(self.looks));
        }
        (self.committed_after, self.seen_in) = (still_there, seen_in);
        self.last_look = whole.then_some(now);
        // What a look that was cut short left out may have been committed with what it showed.
        self.looks += u64::from(whole);
    }

    /// Whether two rows came to be seen at different looks.
    pub(super) fn are_apart(&self, one: &OutboxRow, other: &OutboxRow) -> bool {
        self.seen_in.get(&one.id) != self.seen_in.get(&other.id)
    }

    /// When a row can have been committed at the earliest, by the database's clock.
    pub(super) fn settled(&self, row: &OutboxRow) -> i64 {
        self.committed_after.get(&row.id).copied().unwrap_or(row.at_ms)
    }
}
