//! Searchable texts of a record: document numbers, names, tax numbers, e-mail addresses.

use gancho_model::EventType;
use serde_json::{Map, Value};

use crate::event_types;

/// The ERP's columns that identify a record for users.
const COLUMNS: &[&str] = &[
    "codigo",
    "numero",
    "numero2",
    "numproveedor",
    "nombre",
    "nombrecliente",
    "razonsocial",
    "cifnif",
    "email",
    "telefono1",
    "telefono2",
    "referencia",
    "descripcion",
    "codbarras",
    "codcliente",
    "codproveedor",
    "codigorect",
    "nick",
];
/// Characters indexed per column.
const VALUE_CHARS: usize = 200;
/// Columns indexed of a record of another type.
const OTHERS_MAX: usize = 30;

/// The searchable text of an event: its label, and values of its record, one per line. For types outside the catalogue
/// all short texts count.
pub fn search_text(event: &EventType, label: Option<&str>, object: Option<&Map<String, Value>>) -> String {
    let is_known = event_types::known_type(event).is_some();
    let mut lines: Vec<String> = label.map(ToOwned::to_owned).into_iter().collect();
    let mut add = |value: &Value| {
        let text = match value {
            Value::String(text) => text.trim().chars().take(VALUE_CHARS).collect(),
            Value::Number(number) => number.to_string(),
            _ => return,
        };
        if !text.is_empty() && !lines.contains(&text) {
            lines.push(text);
        }
    };
    let Some(object) = object else { return lines.join("\n") };
    if is_known {
        COLUMNS.iter().filter_map(|column| object.get(*column)).for_each(&mut add);
    } else {
        object.values().filter(|value| value.is_string()).take(OTHERS_MAX).for_each(&mut add);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kind(name: &str) -> EventType {
        EventType::parse(name).expect("a type")
    }

    #[test]
    fn numbers_and_names_are_searched_and_amounts_are_not() {
        let record = json!({"codigo": "FAC2026A1", "nombrecliente": " Peña ", "total": 121.5, "cifnif": "B12", "pagada": true,
            "numero": 7, "email": null, "password": "secret"});
        let text = search_text(&kind("invoice.created"), Some("FAC2026A1"), record.as_object());
        assert_eq!(text, "FAC2026A1\n7\nPeña\nB12");
    }

    #[test]
    fn of_a_program_s_own_event_all_texts_are_searched() {
        let record = json!({"sku": "X-1", "count": 3, "note": "blue"});
        assert_eq!(search_text(&kind("shop.sold"), None, record.as_object()), "blue\nX-1");
        assert_eq!(search_text(&kind("shop.sold"), Some("a"), None), "a");
    }
}
