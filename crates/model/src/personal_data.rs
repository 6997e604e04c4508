//! Identifies the data of one customer, for access and erasure (RGPD, articles 15 and 17).

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{CUSTOMER_MODEL, Event, SourceId, Timestamp, event::write_body};

/// The column that references a record's customer.
const CODE: &str = "codcliente";

/// A customer, with further values that identify them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSubject {
    /// The customer's code in the ERP.
    pub code: String,
    /// The ERP; `None` for all.
    pub source: Option<SourceId>,
    /// Values that identify the customer anywhere: a tax number, an e-mail address.
    pub values: Vec<String>,
}

impl DataSubject {
    /// Whether an event is about the customer: it is their record, references them, or contains one of the values.
    pub fn is_in(&self, event: &Event) -> bool {
        if self.source.is_some() && event.source.is_some() && event.source != self.source {
            return false;
        }
        self.is_record(event) || self.is_in_body(&event.body)
    }

    /// Whether an event is about the customer's own record.
    pub fn is_record(&self, event: &Event) -> bool {
        event.object.as_ref().is_some_and(|object| object.model == CUSTOMER_MODEL && object.key == self.code)
    }

    /// Whether a body contains data about the customer.
    pub fn is_in_body(&self, body: &[u8]) -> bool {
        self.needles().any(|needle| contains(body, needle.as_bytes()))
            && serde_json::from_slice(body).is_ok_and(|body| self.is_in_value(&body))
    }

    /// Texts, as encoded in JSON, of which at least one occurs in each body about the customer.
    pub fn needles(&self) -> impl Iterator<Item = String> {
        std::iter::once(&self.code).chain(&self.values).map(|text| {
            let quoted = Value::from(text.as_str()).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        })
    }

    fn is_in_value(&self, value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.iter().any(|(name, value)| {
                (name == CODE && text_of(value).is_some_and(|text| text == self.code)) || self.is_in_value(value)
            }),
            Value::Array(items) => items.iter().any(|item| self.is_in_value(item)),
            Value::String(text) => self.values.contains(text),
            _ => false,
        }
    }
}

/// A code as text; some programs write it as a number.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn contains(body: &[u8], needle: &[u8]) -> bool {
    !needle.is_empty() && body.windows(needle.len()).any(|part| part == needle)
}

/// The rest of an erased event: its existence, time and type. Its `data` contains the time of the erasure.
pub fn erased_body(event: &Event, now: Timestamp) -> Bytes {
    let mut body: Map<String, Value> = serde_json::from_slice(&event.body).unwrap_or_default();
    body.insert("data".into(), serde_json::json!({"erased_at": now.s()}));
    body.remove("origin");
    write_body(&Value::Object(body))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::DataSubject;

    fn subject(code: &str, values: &[&str]) -> DataSubject {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        DataSubject { code: code.into(), source: None, values }
    }

    fn holds(subject: &DataSubject, body: &serde_json::Value) -> bool {
        subject.is_in_body(body.to_string().as_bytes())
    }

    #[test]
    fn a_customer_is_found_by_the_code_wherever_a_record_names_it() {
        let ana = subject("7", &[]);
        for body in [
            json!({"data": {"object": {"codcliente": "7"}}}),
            json!({"data": {"object": {"codcliente": 7}}}),
            json!({"data": {"object": {"codcliente": "8"}, "previous": {"codcliente": "7"}}}),
            json!({"data": {"object": {"lines": [{"codcliente": "7"}]}}}),
        ] {
            assert!(holds(&ana, &body), "{body}");
        }
        for body in [
            json!({"data": {"object": {"codcliente": "70"}}}),
            json!({"data": {"object": {"codproveedor": "7"}}}),
            json!({"data": {"object": {"idfactura": 7, "observaciones": "7"}}}),
        ] {
            assert!(!holds(&ana, &body), "{body}");
        }
    }

    #[test]
    fn other_values_are_found_as_a_whole_only() {
        let ana = subject("7", &["B12345678", "ana \"la\" peña"]);
        assert!(holds(&ana, &json!({"data": {"cifnif": "B12345678"}})));
        assert!(holds(&ana, &json!({"data": {"nombre": "ana \"la\" peña"}})));
        assert!(!holds(&ana, &json!({"data": {"note": "not B12345678"}})));
    }

    proptest! {
        #[test]
        fn no_code_is_missed_for_how_json_writes_it(code in ".{1,20}") {
            let body = json!({"data": {"object": {"codcliente": code}}});
            prop_assert!(holds(&subject(&code, &[]), &body));
        }

        #[test]
        fn whatever_a_body_is_looking_into_it_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            subject("7", &[]).is_in_body(&body);
        }
    }
}
