use std::collections::HashMap;

use super::outbox_row::OutboxRow;

/// The earliest commit time of each row: after the last batch that did not show it. Between batches, a connection that
/// had not committed was not idle.
#[derive(Debug, Default)]
pub struct CommitTracker {
    /// By row id.
    committed_after: HashMap<i64, i64>,
    /// For each row, the complete batch in which it first appeared. Rows of a transaction become visible at once: rows
    /// that first appear in different batches belong to different transactions.
    seen_in: HashMap<i64, u64>,
    looks: u64,
    /// The last complete batch.
    last_look: Option<i64>,
}

impl CommitTracker {
    /// Records what a batch showed at `now`. A partial batch proves nothing about rows that it left out.
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
        // Rows left out of a partial batch may have been committed together with those it showed.
        self.looks += u64::from(whole);
    }

    /// Whether two rows first appeared in different batches.
    pub(super) fn are_apart(&self, one: &OutboxRow, other: &OutboxRow) -> bool {
        self.seen_in.get(&one.id) != self.seen_in.get(&other.id)
    }

    /// The earliest commit time of a row, by the database's clock.
    pub(super) fn settled(&self, row: &OutboxRow) -> i64 {
        self.committed_after.get(&row.id).copied().unwrap_or(row.at_ms)
    }
}
