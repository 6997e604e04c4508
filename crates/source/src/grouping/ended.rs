//! Which acts have ended, of the rows that a look shows.

use super::{
    change_group::{ChangeGroup, change_groups, tellable},
    commit_tracker::CommitTracker,
    compose::Composer,
    outbox_row::OutboxRow,
};

impl Composer<'_> {
    /// The acts that may be submitted now. `full`: the look was cut short, more rows wait.
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
        // A look that was cut short knows nothing beyond its last row: whoever is gone may have left more.
        let horizon = rows.last().map_or(now, |last| last.at_ms.min(now));
        let seen: Vec<OutboxRow> = rows.iter().cloned().map(|row| OutboxRow { gone: false, ..row }).collect();
        let all = change_groups(&seen, tracker, (horizon, quiet_ms), half_made);
        let ended = tellable(all.clone(), subjects);
        // An act larger than a look is submitted in parts.
        if ended.is_empty() { all } else { ended }
    }
}
