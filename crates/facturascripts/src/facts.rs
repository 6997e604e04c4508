//! What the plugin's PHP must know of the ERP, as one file: `plugin/Gancho/facts.json`. A test fails while it is stale.

use serde_json::{Map, Value, json};

use crate::{
    catalogue,
    columns::{self, Table},
    ignored, reference_data, secrets,
};

/// The file's text. Lists keep their order; the keys of objects are sorted.
pub fn json() -> String {
    let facts = json!({
        "always": pairs(reference_data::REMEMBERED.iter().copied()),
        "ignored": by_table(|table| {
            let mut ignored: Vec<&str> = ignored::columns(table.model).to_vec();
            ignored.sort_unstable();
            (!ignored.is_empty()).then(|| json!(ignored))
        }),
        "keys": by_table(|table| Some(json!(table.key))),
        "lines": by_table(lines),
        "models": pairs(catalogue::MODELS.iter().map(|model| model.name)),
        "secret_columns": secrets::COLUMNS,
        "secret_endings": secrets::ENDINGS,
        "secret_tables": secrets::MODELS.iter().filter(|name| name.starts_with(|c: char| c.is_lowercase())).collect::<Vec<_>>(),
    });
    format!("{facts:#}\n")
}

/// Models, each with its table.
fn pairs<'a>(models: impl Iterator<Item = &'a str>) -> Value {
    models.filter_map(|model| Some(json!([model, columns::find(model)?.name]))).collect()
}

fn by_table(fact: impl Fn(&Table) -> Option<Value>) -> Value {
    let facts = columns::tables().iter().filter_map(|table| Some((table.name.to_owned(), fact(table)?)));
    Value::Object(facts.collect::<Map<_, _>>())
}

/// Of a document's table: the table of its lines, their model, and the column there that names the document.
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
