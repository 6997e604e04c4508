//! All event types of FacturaScripts, each with a sample and a schema.

use std::{collections::HashMap, sync::LazyLock};

use gancho_model::{EventType, ObjectKey, Record};
use serde_json::{Map, Value, json};

use crate::{
    catalogue::{Area, Kind, MODELS, Model},
    columns,
};

/// A type of event of the catalogue.
#[derive(Clone, Debug)]
pub struct CatalogueType {
    /// The type.
    pub event: EventType,
    /// The model that it is about.
    pub model: &'static Model,
    /// The verb.
    pub verb: &'static str,
}

/// The verbs of a kind of model.
pub(crate) fn verbs(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Document { invoice: true } => &["created", "updated", "deleted", "paid", "unpaid", "overdue", "approved"],
        Kind::Document { invoice: false } => &["created", "updated", "deleted", "approved"],
        Kind::Receipt => &["created", "updated", "deleted", "paid", "unpaid", "overdue"],
        Kind::Payment => &["recorded", "updated", "deleted"],
        Kind::Stock => &["created", "updated", "deleted", "low"],
        Kind::User => &[
            "created",
            "updated",
            "deleted",
            "login",
            "logout",
            "session_changed",
            "permissions_changed",
            "enabled",
            "disabled",
        ],
        Kind::Permission => &[],
        Kind::Plain => &["created", "updated", "deleted"],
    }
}

/// A type of the catalogue; `None` for other types.
pub fn known_type(event: &EventType) -> Option<CatalogueType> {
    let (noun, word) = event.as_str().rsplit_once('.')?;
    let model = MODELS.iter().find(|model| model.noun == noun)?;
    let verb = verbs(model.kind).iter().find(|verb| **verb == word)?;
    Some(CatalogueType { event: event.clone(), model, verb })
}

/// The verbs of a noun's events; `None` for unknown nouns, which programs may use for their own.
pub fn verbs_of(noun: &str) -> Option<Vec<&'static str>> {
    match noun {
        "endpoint" => return Some(vec!["failing", "recovered", "disabled"]),
        "source" => return Some(vec!["down", "up"]),
        _ => {}
    }
    let model = MODELS.iter().find(|model| !noun.is_empty() && model.noun == noun)?;
    Some(verbs(model.kind).iter().copied().chain(["snapshot"]).collect())
}

/// All types of the catalogue, in its order.
pub fn all() -> impl Iterator<Item = CatalogueType> {
    MODELS.iter().flat_map(|model| {
        verbs(model.kind).iter().filter_map(move |verb| {
            let event = EventType::parse(&format!("{}.{verb}", model.noun)).ok()?;
            Some(CatalogueType { event, model, verb })
        })
    })
}

impl CatalogueType {
    /// The verb for display: purchase invoices are paid, sales invoices are collected.
    pub fn spoken_verb(&self) -> &'static str {
        match (self.verb, self.model.area) {
            ("paid", Area::Purchases) => "paid-by-us",
            (verb, _) => verb,
        }
    }
}

static SAMPLES: LazyLock<HashMap<String, Record>> =
    LazyLock::new(|| serde_json::from_str(include_str!("samples.json")).expect("samples.json holds records"));

/// A sample of a model's record.
pub fn sample_of(model: &str) -> Option<Record> {
    SAMPLES.get(model).cloned()
}

/// A sample of an event's `data`, and its row. Unknown types get a small one.
pub fn sample(event: &EventType) -> (Map<String, Value>, Option<ObjectKey>) {
    let known = known_type(event).and_then(|known| Some((known.model, SAMPLES.get(known.model.name)?.clone())));
    let Some((model, record)) = known else {
        let object = json!({"object": {"id": 1, "name": "Ejemplo"}});
        return (object.as_object().cloned().unwrap_or_default(), None);
    };
    let verb = event.as_str().rsplit('.').next().unwrap_or_default();
    let (object, previous) = before_and_after(model, verb, record);
    let key = columns::find(model.name).and_then(|table| object.get(table.key)).map(|key| match key {
        Value::String(key) => key.clone(),
        other => other.to_string(),
    });
    let mut data = Map::new();
    data.insert("object".into(), Value::Object(object));
    if let Some(previous) = previous {
        data.insert("previous".into(), previous);
    }
    if verb == "permissions_changed" {
        data.insert("cause".into(), SAMPLES.get("RoleUser").cloned().map_or(Value::Null, Value::Object));
    }
    (data, key.map(|key| ObjectKey { model: model.name.into(), key }))
}

/// A record that fits the verb, and its old values.
fn before_and_after(model: &Model, verb: &str, mut record: Record) -> (Record, Option<Value>) {
    let [paid, due] = model.kind.flags().unwrap_or(["pagada", "vencida"]);
    let mut set = |column: &str, value: Value| record.insert(column.to_owned(), value);
    let previous = match verb {
        "created" if record_has(model, paid) => {
            set(paid, false.into());
            None
        }
        "paid" => {
            set(paid, true.into());
            set(due, false.into());
            Some(json!({ paid: false }))
        }
        "unpaid" => {
            set(paid, false.into());
            Some(json!({ paid: true }))
        }
        "overdue" => {
            set(paid, false.into());
            set(due, true.into());
            Some(json!({ due: false }))
        }
        "approved" => Some(json!({ "idestado": record.get("idestado_ant").cloned().unwrap_or(1.into()) })),
        "low" => {
            set("disponible", 3.into());
            set("stockmin", 5.into());
            Some(json!({ "disponible": 8 }))
        }
        "updated" if record.contains_key("observaciones") => Some(json!({ "observaciones": "" })),
        "updated" => Some(json!({})),
        _ => None,
    };
    (record, previous)
}

fn record_has(model: &Model, column: &str) -> bool {
    columns::find(model.name).is_some_and(|table| table.columns.contains_key(column))
}

/// The JSON Schema of an event's body.
pub fn schema(of: &CatalogueType) -> Value {
    let object = object_schema(of.model.name, of.model.lines);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "event", "created", "data", "source"],
        "properties": {
            "id": {"type": "string"},
            "event": {"const": of.event.as_str()},
            "created": {"type": "integer", "description": "Unix seconds"},
            "source": {"type": ["string", "null"]},
            "test": {"type": "boolean"},
            "data": {
                "type": "object",
                "required": ["object"],
                "properties": {"object": object, "previous": {"type": "object"}, "changed": {"type": "array", "items": {"type": "string"}}, "cause": {"type": "object"}},
            },
        },
    })
}

fn object_schema(model: &str, lines: Option<&str>) -> Value {
    let Some(table) = columns::find(model) else { return json!({"type": "object"}) };
    let mut properties: Map<String, Value> = table
        .columns
        .iter()
        .filter(|(name, _)| !crate::secrets::is_secret(model, name))
        .map(|(name, kind)| ((*name).to_owned(), kind_schema(*kind)))
        .collect();
    if let Some(lines) = lines {
        properties.insert("lines".into(), json!({"type": "array", "items": object_schema(lines, None)}));
    }
    json!({"type": "object", "properties": properties})
}

fn kind_schema(kind: columns::Kind) -> Value {
    use columns::Kind;
    match kind {
        Kind::Text => json!({"type": ["string", "null"]}),
        Kind::Int => json!({"type": ["integer", "null"]}),
        Kind::Number => json!({"type": ["number", "null"]}),
        Kind::Bool => json!({"type": ["boolean", "null"]}),
        Kind::Date => json!({"type": ["string", "null"], "format": "date"}),
        Kind::Time => json!({"type": ["string", "null"], "description": "HH:MM:SS"}),
        Kind::Timestamp => json!({"type": ["string", "null"], "format": "date-time"}),
    }
}
