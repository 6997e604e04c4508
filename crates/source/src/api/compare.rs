//! What a record that was read says beside what was seen of it before. Pure.

use gancho_intake::{SubmittedChange, digest};
use gancho_model::{Change, ObjectKey, Operation, Record, canonical};
use gancho_store::Seen;
use serde_json::Value;

use super::watched::Watched;
use crate::database::key_text;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct News {
    /// The model.
    pub model: String,
    /// The record's key.
    pub key: String,
    /// How it looks now; nothing if it is gone.
    pub seen: Option<Seen>,
    /// What that means; nothing for what is only noted.
    pub change: Option<SubmittedChange>,
}

/// A record as it was read; nothing if that is how it was seen before.
pub(crate) fn read(list: &Watched, key: &str, before: Option<Seen>, record: Record) -> Option<News> {
    if before.as_ref().is_some_and(|before| before.record == record) {
        return None;
    }
    let version = before.as_ref().map_or(1, |before| before.version + 1);
    let operation = if before.is_some() { Operation::Update } else { Operation::Insert };
    let seen = Seen { key: key.into(), version, day: list.day_of(&record), record: record.clone() };
    let old = before.map(|before| before.record);
    let change = change(list, key, version, operation, old, Some(record));
    Some(News { model: list.resource.model.clone(), key: key.into(), seen: Some(seen), change: Some(change) })
}

/// A record that is there no more.
pub(crate) fn gone(list: &Watched, before: Seen) -> News {
    let Seen { key, version, record, .. } = before;
    let change = change(list, &key, version + 1, Operation::Delete, Some(record), None);
    News { model: list.resource.model.clone(), key, seen: None, change: Some(change) }
}

/// Whether it is a document that is still being made: without lines, or with a total of 0.
pub(crate) fn is_half_made(list: &Watched, record: &Record) -> bool {
    let no_lines = record.get("lines").and_then(Value::as_array).is_none_or(Vec::is_empty);
    list.resource.lines.is_some() && (no_lines || record.get("total").and_then(Value::as_f64) == Some(0.0))
}

/// A line that a document had and has no more: its key.
pub(crate) fn missing_line(before: Option<&Record>, after: Option<&Record>) -> Option<String> {
    let keys = |record: Option<&Record>| -> Vec<String> {
        let lines = record.and_then(|record| record.get("lines")?.as_array()).into_iter().flatten();
        lines.filter_map(|line| line.get("idlinea").map(key_text)).collect()
    };
    let now = keys(after);
    keys(before).into_iter().find(|key| !now.contains(key))
}

/// Named so that the same finding has the same name when a crash makes us find it again, and no two have one.
fn change(
    list: &Watched,
    key: &str,
    version: u64,
    operation: Operation,
    before: Option<Record>,
    after: Option<Record>,
) -> SubmittedChange {
    let model = list.resource.model.clone();
    let mut bytes = vec![];
    canonical::write(&after.clone().map_or(Value::Null, Value::Object), &mut bytes);
    let mark: String = digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let id = format!("{model}-{key}-{version}-{mark}");
    let row = ObjectKey { model, key: key.to_owned() };
    let change = Change { id: Some(id.clone()), row, operation, before, after, at: None, burst: None, session: None };
    SubmittedChange { digest: digest(id.as_bytes()), change }
}

#[cfg(test)]
mod tests {
    use gancho_facturascripts::resource::Resource;
    use serde_json::json;

    use super::*;

    fn record(value: Value) -> Record {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn what_differs_is_news_and_has_a_name_of_its_own() {
        let list = Watched::new(Resource::of("Cliente"));
        let ana = record(json!({"codcliente": "1", "nombre": "Ana"}));
        let made = read(&list, "1", None, ana.clone()).expect("news");
        let seen = made.seen.clone().expect("seen");
        assert_eq!(read(&list, "1", Some(seen.clone()), ana.clone()), None);
        let eva = record(json!({"codcliente": "1", "nombre": "Eva"}));
        let changed = read(&list, "1", Some(seen.clone()), eva.clone()).expect("news");
        let change = changed.change.clone().expect("a change").change;
        assert_eq!((change.operation, change.before, change.after), (Operation::Update, Some(ana.clone()), Some(eva)));
        let back = read(&list, "1", changed.seen.clone(), ana).expect("news");
        let again = read(&list, "1", Some(seen.clone()), record(json!({"nombre": "Eva", "codcliente": "1"})));
        assert_eq!(again, Some(changed.clone()), "found once more after a crash");
        let name = |news: &News| news.change.clone().and_then(|change| change.change.id);
        let gone = gone(&list, seen);
        let names = [name(&made), name(&changed), name(&back), name(&gone)];
        assert!(names.iter().enumerate().all(|(n, one)| !names[..n].contains(one)), "{names:?}");
    }

    #[test]
    fn documents_being_made() {
        let list = Watched::new(Resource::of("FacturaCliente"));
        let half = |value| is_half_made(&list, &record(value));
        assert!(half(json!({"total": 0, "lines": [{}]})) && half(json!({"total": 5, "lines": []})));
        assert!(!half(json!({"total": 5, "lines": [{}]})));
        assert!(!is_half_made(&Watched::new(Resource::of("ReciboCliente")), &record(json!({"total": 0}))));
    }
}
