use gancho_model::Record;
use serde_json::Value;

/// Maximum length of a label in characters.
const LENGTH_MAX: usize = 80;

/// A record's display name: a document's number, a receipt's invoice and number, otherwise the name, reference or key
/// that the ERP's lists show.
pub fn label(record: &Record) -> Option<String> {
    let text = |column: &str| match record.get(column)? {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let receipt = || Some(format!("{}-{}", text("codigofactura")?, text("numero")?));
    let of_receipt = || record.contains_key("idpago").then(|| text("idrecibo"))?;
    let named = || ["nombre", "referencia", "nick"].iter().find_map(|column| text(column));
    let label = text("codigo").or_else(receipt).or_else(of_receipt).or_else(named)?;
    Some(label.chars().take(LENGTH_MAX).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn what_people_call_it() {
        let is = |record: Value, right: Option<&str>| {
            assert_eq!(super::label(record.as_object().expect("a record")).as_deref(), right, "{record}");
        };
        use serde_json::Value;
        is(json!({"codigo": "F2026A1", "nombrecliente": "Ana", "numero": "1"}), Some("F2026A1"));
        is(json!({"codigofactura": "F2026A1", "numero": 2, "idrecibo": 7}), Some("F2026A1-2"));
        is(json!({"idpago": 3, "idrecibo": 7, "importe": 1}), Some("7"));
        is(json!({"codcliente": "3", "nombre": "Talleres Ejemplo"}), Some("Talleres Ejemplo"));
        is(json!({"referencia": "P-100", "idstock": 1}), Some("P-100"));
        is(json!({"nick": "pepe"}), Some("pepe"));
        is(json!({"idestado": 1, "nombre": " "}), None);
    }
}
