//! Folds changes (EVENTS rule 1): changes of one burst to one row become one change.

use std::collections::{BTreeMap, BTreeSet};

use gancho_model::{Change, ObjectKey, Operation, Record};

use crate::{catalogue, diff::diff};

/// A normalized change, possibly folded from several.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// The change.
    pub change: Change,
    /// Secret columns that changed; their values were dropped.
    pub changed_secrets: BTreeSet<String>,
    /// The row before the burst, as far as its changes show it.
    pub oldest: Option<Record>,
    /// The indices of the changes of the request that it consists of.
    pub made_of: Vec<usize>,
}

/// Folds changes of the same burst and row, in the given order. Changes without a burst are not folded. A row inserted
/// and deleted within a burst leaves nothing.
pub fn fold(changes: Vec<Folded>) -> Vec<Folded> {
    let mut open: BTreeMap<(String, ObjectKey), usize> = BTreeMap::new();
    let mut out: Vec<Option<Folded>> = vec![];
    for next in changes {
        let Some(burst) = next.change.burst.clone() else {
            out.push(Some(next));
            continue;
        };
        let end = out.len();
        let place = open.entry((burst, next.change.row.clone())).or_insert(end);
        let earlier = out.get_mut(*place).and_then(Option::take);
        if earlier.as_ref().is_none_or(is_ignored) {
            // Ignored changes don't mark when the burst on this row began; neither do rows inserted and deleted in it.
            (*place, _) = (end, out.push(None));
        }
        let merged = match earlier {
            Some(earlier) => merge(earlier, next),
            None => Some(next),
        };
        out[*place] = merged;
    }
    out.into_iter().flatten().collect()
}

/// An update of derived columns only. PostgreSQL reports some when a foreign key unlinks a row, MariaDB doesn't.
fn is_ignored(folded: &Folded) -> bool {
    let Change { operation: Operation::Update, before: Some(before), after: Some(after), row, .. } = &folded.change
    else {
        return false;
    };
    folded.changed_secrets.is_empty() && !diff(&row.model, catalogue::find(&row.model), before, after).is_news
}

fn merge(mut earlier: Folded, later: Folded) -> Option<Folded> {
    use Operation::{Delete, Insert, Update};
    earlier.made_of.extend(later.made_of);
    earlier.changed_secrets.extend(later.changed_secrets);
    let (old, new) = (&mut earlier.change, later.change);
    let operation = match (old.operation, new.operation) {
        (Insert, Delete) => return None,
        (Insert, Insert | Update) => Insert,
        (Update | Delete, Insert | Update) => Update,
        (Update | Delete, Delete) => Delete,
    };
    let last_seen = new.before.clone().or(old.after.clone()).or(old.before.take());
    earlier.oldest = oldest(earlier.oldest.take(), new.before);
    old.before = match operation {
        Insert => None,
        Update => earlier.oldest.clone(),
        // A deletion contains the row's last state.
        Delete => last_seen,
    };
    old.after = if operation == Delete { None } else { keep_lines(old.after.take(), new.after) };
    old.operation = operation;
    old.at = new.at.or(old.at);
    old.session = new.session.or(old.session);
    Some(earlier)
}

/// The first value of each column.
fn oldest(first: Option<Record>, second: Option<Record>) -> Option<Record> {
    let (Some(mut first), Some(second)) = (first.clone(), second) else { return first };
    for (column, value) in second {
        first.entry(column).or_insert(value);
    }
    Some(first)
}

/// The last record, with the lines of an earlier one if it has none.
fn keep_lines(earlier: Option<Record>, later: Option<Record>) -> Option<Record> {
    let mut later = later?;
    if let Some(lines) = earlier.and_then(|mut earlier| earlier.remove("lines")) {
        later.entry("lines").or_insert(lines);
    }
    Some(later)
}
