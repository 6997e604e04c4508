use std::collections::BTreeMap;

use gancho_model::{Message, header, mask};
use serde_json::{Map, Value, json};

use super::{Input, reading::Reading};

/// Header fields of an endpoint. A masked value stands for the current one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderFields(BTreeMap<String, String>);

impl HeaderFields {
    /// Reads fields by name; values must be text.
    pub fn of(given: Map<String, Value>, place: &str, reading: &mut Reading<'_>) -> Self {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        if given.len() > header::COUNT_MAX {
            reading.wrong(place, Message::new("error-at-most").with("max", header::COUNT_MAX));
        }
        for (name, value) in given {
            let place = format!("{place}.{name}");
            let Value::String(value) = value else {
                reading.wrong(&place, Message::new("error-text"));
                continue;
            };
            if fields.keys().any(|other| other.eq_ignore_ascii_case(&name)) {
                reading.wrong(&place, Message::new("error-twice"));
            }
            if let Err(error) = header::check(&name, &value) {
                reading.wrong(&place, error.message());
            }
            fields.insert(name, value);
        }
        Self(fields)
    }

    /// Replaces masked values with the current ones; fields without one are left out.
    pub fn unmasked(self, known: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let of_known = |name: &str| known.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        let unmask = |(name, value): (String, String)| match value.as_str() {
            mask::MASK => of_known(&name).map(|(_, known)| (name, known.clone())),
            _ => Some((name, value)),
        };
        self.0.into_iter().filter_map(unmask).collect()
    }
}

impl Input for HeaderFields {
    fn schema() -> Value {
        let value = json!({"type": "string", "maxLength": header::VALUE_MAX, "pattern": header::VALUE_PATTERN});
        json!({"type": "object", "maxProperties": header::COUNT_MAX, "additionalProperties": value,
            "propertyNames": {"type": "string", "pattern": header::name_pattern()}})
    }

    fn read(value: Value, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match value {
            Value::Object(given) => Some(Self::of(given, place, reading)),
            _ => {
                reading.wrong(place, Message::new("error-object"));
                None
            }
        }
    }
}
