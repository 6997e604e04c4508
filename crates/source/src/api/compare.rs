//! Compares a record with its last snapshot. Pure.

use gancho_model::{Change, ObjectKey, Operation, Record};
use gancho_store::{RecordSnapshot, SnapshotUpdate};

use super::{list_state::ListState, record_diff::RecordDiff};
use crate::key::key_text;

/// The change group of rights: intake scopes group names to one call.
const RIGHTS: &str = "rights";

/// The difference of a record; `None` if it equals its snapshot.
pub(crate) fn compare_record(
    list: &ListState,
    key: &str,
    before: Option<RecordSnapshot>,
    record: Record,
) -> Option<RecordDiff> {
    if before.as_ref().is_some_and(|before| before.record == record) {
        return None;
    }
    let operation = if before.is_some() { Operation::Update } else { Operation::Insert };
    let seen = RecordSnapshot { key: key.into(), day: list.day_of(&record), record: record.clone() };
    Some(diffs(list, key, operation, before.map(|before| before.record), Some(record), Some(seen)))
}

/// The difference of a deleted record.
pub(crate) fn gone(list: &ListState, before: RecordSnapshot) -> RecordDiff {
    diffs(list, &before.key, Operation::Delete, Some(before.record), None, None)
}

fn diffs(
    list: &ListState,
    key: &str,
    operation: Operation,
    before: Option<Record>,
    after: Option<Record>,
    seen: Option<RecordSnapshot>,
) -> RecordDiff {
    let model = list.resource.model.clone();
    let row = ObjectKey { model: model.clone(), key: key.to_owned() };
    // Changed rights are reported once per user: the time of each change is unknown.
    let burst = list.is_of_people().then(|| RIGHTS.to_owned());
    let change = Change { id: None, row, operation, before, after, at: None, burst, session: None, origin: None };
    RecordDiff { snapshot: SnapshotUpdate { model, key: key.to_owned(), seen }, change: Some(change) }
}

/// The key of a line removed from a document.
pub(crate) fn missing_line(diffs: &RecordDiff) -> Option<String> {
    let keys = |record: Option<&Record>| -> Vec<String> {
        let lines = record.and_then(|record| record.get("lines")?.as_array()).into_iter().flatten();
        lines.filter_map(|line| line.get("idlinea").map(key_text)).collect()
    };
    let change = diffs.change.as_ref()?;
    let now = keys(change.after.as_ref());
    keys(change.before.as_ref()).into_iter().find(|key| !now.contains(key))
}

#[cfg(test)]
mod tests {
    use gancho_facturascripts::resource::Resource;
    use serde_json::{Value, json};

    use super::*;

    fn record(value: Value) -> Record {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn what_differs_is_news() {
        let list = ListState::new(Resource::of("Cliente"));
        let ana = record(json!({"codcliente": "1", "nombre": "Ana"}));
        let made = compare_record(&list, "1", None, ana.clone()).expect("diffs");
        assert!(made.is_new());
        let seen = made.snapshot.seen.expect("seen");
        assert_eq!(compare_record(&list, "1", Some(seen.clone()), ana.clone()), None);
        let eva = record(json!({"codcliente": "1", "nombre": "Eva"}));
        let changed = compare_record(&list, "1", Some(seen.clone()), eva.clone()).expect("diffs");
        let change = changed.change.expect("a change");
        assert_eq!((change.operation, change.before, change.after), (Operation::Update, Some(ana.clone()), Some(eva)));
        let gone = gone(&list, seen);
        assert_eq!((gone.snapshot.seen, gone.change.and_then(|change| change.before)), (None, Some(ana)));
    }

    #[test]
    fn lines_that_are_missing() {
        let list = ListState::new(Resource::of("FacturaCliente"));
        let lines = |keys: &[u32]| {
            let lines: Vec<Value> = keys.iter().map(|key| json!({"idlinea": key})).collect();
            record(json!({"idfactura": 1, "lines": lines}))
        };
        let seen = RecordSnapshot { key: "1".into(), day: None, record: lines(&[1, 2]) };
        let missing =
            |keys: &[u32]| missing_line(&compare_record(&list, "1", Some(seen.clone()), lines(keys)).expect("diffs"));
        assert_eq!(missing(&[1]).as_deref(), Some("2"));
        assert_eq!(missing(&[1, 2, 3]), None);
    }
}
