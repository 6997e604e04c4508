//! The data about the ERP that the plugin needs, as one file: `plugin/Gancho/facts.json`. A test fails if it is
//! outdated.

use std::collections::{BTreeMap, BTreeSet};

use gancho_model::{address, header};
use serde_json::{Map, Value, json};

use crate::{
    catalogue::{self, Model},
    columns::{self, Table},
    event_types, ignored, reference_data, secrets, text,
};

/// The file's text. Lists keep their order; the keys of objects are sorted.
pub fn json() -> String {
    let facts = json!({
        "always": pairs(reference_data::REMEMBERED.iter().copied()),
        "catalogue": by_table(|table| {
            let model = catalogue::find(table.model)?;
            Some(json!([model.noun, model.kind.as_str()]))
        }),
        "columns": by_table(columns_by_kind),
        "entities": text::ESCAPES.iter().map(|(escape, sign)| ((*escape).to_owned(), json!(sign))).collect::<Map<_, _>>(),
        "events": catalogue::MODELS.iter().filter_map(events).collect::<Vec<_>>(),
        "flags": flags(),
        "forbidden_headers": header::forbidden(),
        "ignored": by_table(|table| {
            let mut ignored: Vec<&str> = ignored::columns(table.model).to_vec();
            ignored.sort_unstable();
            (!ignored.is_empty()).then(|| json!(ignored))
        }),
        "keys": by_table(|table| Some(json!(table.key))),
        "lines": by_table(lines),
        "metadata_addresses": address::table().1,
        "refused_addresses": address::table().0,
        "new_states": reference_data::new_states(),
        "models": pairs(catalogue::MODELS.iter().map(|model| model.name)),
        "sample": sample(),
        "secret_columns": secrets::COLUMNS,
        "secret_endings": secrets::ENDINGS,
        "table_models": by_table(|table| Some(json!(table.model))),
        "secret_tables": secrets::MODELS.iter().filter(|name| name.starts_with(|c: char| c.is_lowercase())).collect::<Vec<_>>(),
    });
    format!("{facts:#}\n")
}

/// A table's columns by kind: `{"bool": "pagada vencida"}`.
#[expect(clippy::unnecessary_wraps, reason = "as the other facts")]
fn columns_by_kind(table: &Table) -> Option<Value> {
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (column, kind) in &table.columns {
        kinds.entry(kind.as_str()).or_default().insert(column);
    }
    let listed = |names: BTreeSet<&str>| Value::from(names.into_iter().collect::<Vec<_>>().join(" "));
    Some(kinds.into_iter().map(|(kind, names)| (kind.to_owned(), listed(names))).collect())
}

/// A noun, its area, and its verbs.
fn events(model: &Model) -> Option<Value> {
    let verbs = event_types::verbs(model.kind);
    (!verbs.is_empty()).then(|| json!([model.noun, model.area.as_str(), verbs]))
}

/// The sample of a test.
fn sample() -> Value {
    gancho_model::EventType::parse("invoice.created")
        .map_or(Value::Null, |event| Value::Object(event_types::sample(&event).0))
}

/// By kind of model: the columns with the paid and due flags.
fn flags() -> Value {
    let kinds =
        catalogue::MODELS.iter().filter_map(|model| Some((model.kind.as_str().to_owned(), json!(model.kind.flags()?))));
    Value::Object(kinds.collect())
}

/// Models, each with its table.
fn pairs<'a>(models: impl Iterator<Item = &'a str>) -> Value {
    models.filter_map(|model| Some(json!([model, columns::find(model)?.name]))).collect()
}

fn by_table(fact: impl Fn(&Table) -> Option<Value>) -> Value {
    let facts = columns::tables().iter().filter_map(|table| Some((table.name.to_owned(), fact(table)?)));
    Value::Object(facts.collect::<Map<_, _>>())
}

/// For a document's table: the table of its lines, their model, and the column there that references the document.
fn lines(table: &Table) -> Option<Value> {
    let lines = columns::find(catalogue::find(table.model)?.lines?)?;
    Some(json!([lines.name, lines.model, table.key]))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_plugin_s_file_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../plugin/Gancho/facts.json");
        if std::env::var_os("GANCHO_TEST_UPDATE").is_some() {
            std::fs::write(path, super::json()).expect("it can be written");
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(file, super::json(), "stale: GANCHO_TEST_UPDATE=1 cargo test -p gancho-facturascripts facts");
    }
}
