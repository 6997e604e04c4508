//! Determines the complete change groups of a batch.

use super::{
    change_group::{ChangeGroup, change_groups, tellable},
    commit_tracker::CommitTracker,
    compose::Composer,
    outbox_row::OutboxRow,
};

impl Composer<'_> {
    /// The groups that may be submitted now. `full`: the batch is partial, more rows wait.
    pub fn ended(
        &self,
        rows: &[OutboxRow],
        tracker: &CommitTracker,
        (now, quiet_ms): (i64, i64),
        full: bool,
    ) -> Vec<ChangeGroup> {
        let subjects = |change_group: &ChangeGroup| {
            let rows: Vec<&OutboxRow> = change_group.rows.iter().map(|place| &rows[*place]).collect();
            self.subjects(&rows)
        };
        let half_made = |rows: &[&OutboxRow]| self.is_half_made(rows);
        if !full {
            return tellable(change_groups(rows, tracker, (now, quiet_ms), half_made), subjects);
        }
        // A partial batch proves nothing beyond its last row: a closed connection may have left more rows.
        let horizon = rows.last().map_or(now, |last| last.at_ms.min(now));
        let seen: Vec<OutboxRow> = rows.iter().cloned().map(|row| OutboxRow { gone: false, ..row }).collect();
        let all = change_groups(&seen, tracker, (horizon, quiet_ms), half_made);
        let ended = tellable(all.clone(), subjects);
        // A group larger than a batch is submitted in parts.
        if ended.is_empty() { all } else { ended }
    }
}
