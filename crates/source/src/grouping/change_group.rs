//! Change groups (EVENTS rule 1): which rows of a connection in the outbox form one user action, hence one event per
//! record.

use std::collections::{BTreeMap, HashSet};

use super::{commit_tracker::CommitTracker, outbox_row::OutboxRow};

/// Maximum duration of a group, unless it is one transaction.
pub const LONGEST_MS: i64 = 5_000;

/// Rows of one group, by index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeGroup {
    /// Its rows.
    pub rows: Vec<usize>,
    /// Whether it is complete.
    pub ended: bool,
}

/// Groups rows, given in key order, into change groups, in the order of their beginning. `now` is the database's clock;
/// a connection idle for `quiet_ms` has completed its group; `is_half_made` returns whether these rows leave a document
/// incomplete, such as one without lines, which may take longer.
pub fn change_groups(
    rows: &[OutboxRow],
    tracker: &CommitTracker,
    (now, quiet_ms): (i64, i64),
    is_half_made: impl Fn(&[&OutboxRow]) -> bool,
) -> Vec<ChangeGroup> {
    let mut by_mark: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        by_mark.entry(&row.mark).or_default().push(place);
    }
    let half_made = |places: &[usize]| is_half_made(&places.iter().map(|place| &rows[*place]).collect::<Vec<_>>());
    let mut done: Vec<ChangeGroup> = vec![];
    for places in by_mark.into_values() {
        let mut open: Vec<usize> = vec![];
        for place in places {
            if !goes_on(rows, tracker, &open, place, quiet_ms, half_made) {
                done.push(ChangeGroup { rows: std::mem::take(&mut open), ended: true });
            }
            open.push(place);
        }
        let (first, last) = (&rows[open[0]], &rows[open[open.len() - 1]]);
        let quiet = now - tracker.settled(last) > quiet_ms;
        let long = now - first.at_ms > LONGEST_MS;
        let ended = last.gone || (!last.busy && (long || (quiet && !half_made(&open))));
        done.push(ChangeGroup { rows: open, ended });
    }
    done.sort_by_key(|change_group| change_group.rows[0]);
    done
}

/// Whether a row belongs to its connection's current group: always within one transaction, otherwise as long as there
/// is no pause.
fn goes_on(
    rows: &[OutboxRow],
    tracker: &CommitTracker,
    open: &[usize],
    place: usize,
    quiet_ms: i64,
    half_made: impl Fn(&[usize]) -> bool,
) -> bool {
    let (Some(first), Some(last)) = (open.first(), open.last()) else { return true };
    let (first, last, row) = (&rows[*first], &rows[*last], &rows[place]);
    let shared = last.transaction.is_shared_with(&row.transaction);
    if shared == Some(true) && !tracker.are_apart(last, row) {
        return true;
    }
    let quiet = row.at_ms - tracker.settled(last) > quiet_ms;
    let long = row.at_ms - first.at_ms > LONGEST_MS;
    !long && (!quiet || half_made(open))
}

/// The change groups that may be submitted now, in order: complete ones, unless an earlier group touches the same
/// records and is incomplete.
pub fn tellable(
    change_groups: Vec<ChangeGroup>,
    rows_of: impl Fn(&ChangeGroup) -> HashSet<String>,
) -> Vec<ChangeGroup> {
    let mut held = HashSet::new();
    change_groups
        .into_iter()
        .filter(|change_group| {
            let touched = rows_of(change_group);
            let free = change_group.ended && held.is_disjoint(&touched);
            if !free {
                held.extend(touched);
            }
            free
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use gancho_model::Operation;

    use super::*;
    use crate::grouping::Transaction;

    fn row(id: i64, mark: &str, at_ms: i64) -> OutboxRow {
        OutboxRow {
            id,
            mark: mark.into(),
            transaction: Transaction::Unknown,
            at_ms,
            table: "clientes".into(),
            operation: Operation::Update,
            before: None,
            after: None,
            secrets: vec![],
            origin: None,
            busy: false,
            gone: false,
        }
    }

    fn sorted(rows: &[OutboxRow], now: i64) -> Vec<(Vec<i64>, bool)> {
        let ids = |change_group: ChangeGroup| {
            (change_group.rows.iter().map(|place| rows[*place].id).collect(), change_group.ended)
        };
        change_groups(rows, &CommitTracker::default(), (now, 300), |_| false).into_iter().map(ids).collect()
    }

    #[test]
    fn a_connection_that_is_quiet_has_ended_its_act() {
        let rows = [row(1, "a", 0), row(2, "b", 10), row(3, "a", 250), row(4, "a", 900)];
        assert_eq!(sorted(&rows, 1000), [(vec![1, 3], true), (vec![2], true), (vec![4], false)]);
        assert_eq!(sorted(&rows, 1201)[2], (vec![4], true));
    }

    #[test]
    fn a_transaction_is_never_cut() {
        let in_one = |id, at| OutboxRow { transaction: Transaction::Named("7".into()), ..row(id, "a", at) };
        let rows = [in_one(1, 0), in_one(2, 4000), in_one(3, 9000), row(4, "a", 9100)];
        assert_eq!(sorted(&rows, 20_000), [(vec![1, 2, 3], true), (vec![4], true)], "too long for another transaction");
        let busy = [OutboxRow { busy: true, ..row(1, "a", 0) }];
        assert_eq!(sorted(&busy, 60_000), [(vec![1], false)]);
    }

    fn in_transaction(id: i64, at_ms: i64, tx: &str) -> OutboxRow {
        OutboxRow { transaction: Transaction::parse(Some(tx.into())), ..row(id, "a", at_ms) }
    }

    /// Number of rows of each group.
    fn acts(rows: &[OutboxRow]) -> Vec<usize> {
        sorted(rows, 1_000_000).into_iter().map(|(ids, _)| ids.len()).collect()
    }

    #[test]
    fn a_transaction_that_was_read_now_and_then_is_one_act_however_long() {
        let one = |id, at, tx| in_transaction(id, at, tx);
        assert_eq!(acts(&[one(1, 0, "5"), one(2, 7_000, "5")]), [2], "read at both ends");
        let slow: Vec<_> = (0..300).map(|n| one(n, n * 600, if n % 3 == 0 { "5" } else { "-1" })).collect();
        assert_eq!(acts(&slow), [300]);
        assert_eq!(acts(&[one(1, 0, "5"), one(2, 1_000, "7")]), [1, 1], "two transactions with a pause");
        assert_eq!(acts(&[one(1, 0, "5"), one(2, 200, "7")]), [2], "the ERP wraps single statements too");
        assert_eq!(acts(&[one(1, 0, "5"), one(2, 1_000, "0"), one(3, 2_000, "7")]), [1, 1, 1], "alone is alone");
        let doubtful = [one(1, 0, "5"), one(2, 20, "-1"), one(3, 9_000, "7")];
        assert_eq!(acts(&doubtful), [3], "the second may be of either: no value that was never committed");
        let old = [row(1, "a", 0), one(2, 1_000, "7")];
        assert_eq!(acts(&old), [1, 1], "what older triggers wrote is grouped by the clock");
    }

    #[test]
    fn what_was_seen_before_the_next_was_there_is_of_another_transaction() {
        let rows = [in_transaction(1, 0, "5"), in_transaction(2, 20, "-1"), in_transaction(3, 1_000, "9")];
        let mut tracker = CommitTracker::default();
        tracker.note(&rows[..2], 100, true);
        tracker.note(&rows, 1_100, true);
        let acts = change_groups(&rows, &tracker, (9_000, 300), |_| false);
        assert_eq!(acts.iter().map(|act| act.rows.len()).collect::<Vec<_>>(), [2, 1]);
        // A partial batch proves nothing.
        let mut cut = CommitTracker::default();
        cut.note(&rows[..2], 100, false);
        cut.note(&rows, 1_100, true);
        assert_eq!(change_groups(&rows, &cut, (9_000, 300), |_| false).len(), 1);
    }

    #[test]
    fn whatever_has_gone_has_ended() {
        let rows = [OutboxRow { gone: true, ..row(1, "a", 0) }];
        assert_eq!(sorted(&rows, 1), [(vec![1], true)]);
    }

    #[test]
    fn an_act_without_a_pause_ends_all_the_same() {
        let rows: Vec<_> = (0..30).map(|n| row(n, "a", n * 200)).collect();
        let sorted = sorted(&rows, 5900);
        assert_eq!(sorted[0], ((0..=25).collect(), true));
        assert_eq!(sorted[1], ((26..30).collect(), false));
    }

    #[test]
    fn what_could_not_be_seen_was_not_committed() {
        let (first, second) = (row(1, "a", 0), row(2, "a", 700));
        let mut tracker = CommitTracker::default();
        tracker.note(&[], 100, true);
        tracker.note(&[], 500, true);
        let rows = [first, second];
        tracker.note(&rows, 800, true);
        let one = change_groups(&rows, &tracker, (800, 300), |_| false);
        assert_eq!(one.len(), 1, "at 500 the first was not committed: 200 ms later is no pause");
        // Seen before: so it was idle for 700 ms.
        let mut seen = CommitTracker::default();
        seen.note(&rows[..1], 100, true);
        seen.note(&rows, 800, true);
        assert_eq!(change_groups(&rows, &seen, (800, 300), |_| false).len(), 2);
    }

    #[test]
    fn a_half_made_document_may_take_its_time() {
        let rows = [row(1, "a", 0), row(2, "a", 2000), row(3, "a", 4000)];
        let empty = |rows: &[&OutboxRow]| rows.len() < 2;
        let sorted = |now| change_groups(&rows, &CommitTracker::default(), (now, 300), empty);
        assert_eq!(sorted(4100).iter().map(|change_group| change_group.rows.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(!sorted(8000)[1].ended, "it waits for its lines");
        assert!(sorted(9001)[1].ended, "but not for ever");
    }

    #[test]
    fn later_acts_on_a_row_wait_for_earlier_ones() {
        let change_group = |place, ended| ChangeGroup { rows: vec![place], ended };
        let change_groups =
            vec![change_group(0, false), change_group(1, true), change_group(2, true), change_group(3, true)];
        let of = |change_group: &ChangeGroup| HashSet::from([["x", "y", "x", "z"][change_group.rows[0]].to_owned()]);
        assert_eq!(tellable(change_groups, of), [change_group(1, true), change_group(3, true)]);
    }
}
