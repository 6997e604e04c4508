//! One act, one event (EVENTS rule 1): which rows of the outbox are one change_group of one connection.

use std::collections::{BTreeMap, HashMap, HashSet};

use gancho_intake::digest;
use gancho_model::{Operation, Record};
use gancho_store::ProcessedRow;

/// No act takes longer, unless it is one transaction.
pub const LONGEST_MS: i64 = 5_000;

/// Which transaction of its connection wrote a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transaction {
    /// Not known: written by triggers of an older version, or by nobody who could tell.
    #[default]
    Unknown,
    /// None: the statement committed by itself.
    Alone,
    /// In one that was not looked at: MariaDB's triggers look now and then only, since it costs.
    Unread,
    /// The one of this name. Two names are two transactions.
    Named(String),
}

impl Transaction {
    /// As triggers write it: `0` alone, `-1` unread, else a name.
    pub fn parse(text: Option<String>) -> Self {
        match text.as_deref() {
            None | Some("") => Self::Unknown,
            Some("0") => Self::Alone,
            Some("-1") => Self::Unread,
            Some(_) => Self::Named(text.unwrap_or_default()),
        }
    }

    /// Whether this row and the next one of its connection are of one transaction; nothing where nobody can say
    /// more than the clock. What is doubtful is one: an act may be told with another, but no value that nobody
    /// ever committed.
    fn is_shared_with(&self, next: &Self) -> Option<bool> {
        match (self, next) {
            (Self::Unknown, _) | (_, Self::Unknown) => None,
            (Self::Alone, _) | (_, Self::Alone) => Some(false),
            (Self::Unread, _) | (_, Self::Unread) => Some(true),
            (Self::Named(one), Self::Named(other)) => Some(one == other),
        }
    }
}

/// A row of the outbox: one change of one row of the ERP.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Its key there.
    pub id: i64,
    /// Which connection of the ERP wrote it: a name that does not come back.
    pub mark: String,
    /// Its transaction, as far as that is known.
    pub transaction: Transaction,
    /// When, milliseconds since 1970 by the database's clock.
    pub at_ms: i64,
    /// The table.
    pub table: String,
    /// What happened.
    pub operation: Operation,
    /// The row before, without secrets.
    pub before: Option<Record>,
    /// The row after, without secrets.
    pub after: Option<Record>,
    /// Secrets that changed.
    pub secrets: Vec<String>,
    /// Whether its connection is in a transaction; no where that can't be seen.
    pub busy: bool,
    /// Whether its connection is gone; no where that can't be seen.
    pub gone: bool,
}

impl OutboxRow {
    /// Whether the sides that it must have could be read.
    pub fn is_whole(&self) -> bool {
        (self.before.is_some() || self.operation == Operation::Insert)
            && (self.after.is_some() || self.operation == Operation::Delete)
    }

    /// By what it is recognised should it come again.
    pub fn key(&self) -> ProcessedRow {
        processed_row(self.id, &self.mark)
    }

    /// With its old side whole: triggers write of an update's old row only what may be news.
    pub fn whole(mut self) -> Self {
        if let (Some(before), Some(after)) = (&mut self.before, &self.after) {
            for (column, value) in after {
                before.entry(column).or_insert_with(|| value.clone());
            }
        }
        self
    }
}

/// By what a row of an outbox is recognised: a database that is restored holds rows again from which events were made,
/// and gives their keys to new ones.
pub fn processed_row(id: i64, mark: &str) -> ProcessedRow {
    let [a, b, c, d, e, f, g, h, ..] = digest(mark.as_bytes());
    ProcessedRow { id, mark: i64::from_be_bytes([a, b, c, d, e, f, g, h]) }
}

/// Rows of one act, by their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeGroup {
    /// Its rows.
    pub rows: Vec<usize>,
    /// Whether it has ended.
    pub ended: bool,
}

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
    fn are_apart(&self, one: &OutboxRow, other: &OutboxRow) -> bool {
        self.seen_in.get(&one.id) != self.seen_in.get(&other.id)
    }

    fn settled(&self, row: &OutboxRow) -> i64 {
        self.committed_after.get(&row.id).copied().unwrap_or(row.at_ms)
    }
}

/// Sorts rows, which stand in the order of their keys, into change_groups, in the order in which these
/// began. `now` is the database's; a connection that is quiet for `quiet_ms` has ended its act;
/// `is_half_made` says whether these rows leave a document half made, such as one without lines, which
/// may take its time.
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

/// Whether a row belongs to the act that its connection has begun: always within one transaction, else as long as
/// there is no pause.
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

/// The change_groups that may be told now, in order: those that ended, unless one that began before
/// touches the same rows and goes on.
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
    use super::*;

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

    /// How many rows each act has.
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
        assert_eq!(acts(&old), [1, 1], "what older triggers wrote is told by the clock");
    }

    #[test]
    fn what_was_seen_before_the_next_was_there_is_of_another_transaction() {
        let rows = [in_transaction(1, 0, "5"), in_transaction(2, 20, "-1"), in_transaction(3, 1_000, "9")];
        let mut tracker = CommitTracker::default();
        tracker.note(&rows[..2], 100, true);
        tracker.note(&rows, 1_100, true);
        let acts = change_groups(&rows, &tracker, (9_000, 300), |_| false);
        assert_eq!(acts.iter().map(|act| act.rows.len()).collect::<Vec<_>>(), [2, 1]);
        // A look that was cut short proves nothing.
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
        // Seen before: then it was quiet for 700 ms.
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
