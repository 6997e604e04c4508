//! Every type of event that FacturaScripts can give, with words, a sample and a schema.

use std::{collections::HashMap, sync::LazyLock};

use gancho_model::{EventType, ObjectKey, Record};
use serde_json::{Map, Value, json};

use crate::{
    catalogue::{Kind, MODELS, Model},
    columns,
};

/// A type of event, described.
#[derive(Clone, Debug)]
pub struct Described {
    /// The type.
    pub event: EventType,
    /// The model that it is about; nothing for Gancho's own.
    pub model: Option<&'static Model>,
    /// A short title in Spanish and English.
    pub title: (String, String),
    /// One sentence in Spanish and English.
    pub description: (String, String),
}

/// A verb: its word, its title in Spanish (masculine, feminine) and English, and what it says.
type Verb = (&'static str, (&'static str, &'static str), &'static str, (&'static str, &'static str));

#[rustfmt::skip]
const VERBS: &[Verb] = &[
    ("created", ("creado", "creada"), "created", ("Se ha dado de alta.", "It was created.")),
    ("recorded", ("registrado", "registrada"), "recorded", ("Se ha registrado; un importe negativo es una anulación.", "It was recorded; a negative amount is a reversal.")),
    ("updated", ("modificado", "modificada"), "updated", ("Ha cambiado algo; `previous` trae los valores anteriores.", "Something changed; `previous` holds the old values.")),
    ("deleted", ("eliminado", "eliminada"), "deleted", ("Se ha eliminado; el objeto es el último que había.", "It was deleted; the object is the last there was.")),
    ("paid", ("cobrado", "cobrada"), "paid", ("Ha pasado a estar pagado.", "It has come to be paid.")),
    ("unpaid", ("sin pagar de nuevo", "sin pagar de nuevo"), "unpaid again", ("El pago se ha anulado.", "Its payment was undone.")),
    ("overdue", ("vencido", "vencida"), "overdue", ("Ha vencido sin pagarse.", "It fell due unpaid.")),
    ("approved", ("aprobado", "aprobada"), "approved", ("Ha pasado a un estado que genera otro documento o que cierra la edición.", "It reached a state that makes another document or closes editing.")),
    ("low", ("por debajo del mínimo", "por debajo del mínimo"), "below its minimum", ("Lo disponible ha bajado del stock mínimo.", "What is available fell below the minimum.")),
    ("login", ("ha entrado", "ha entrado"), "signed in", ("Ha iniciado sesión (solo con el plugin).", "They signed in (plugin only).")),
    ("logout", ("ha salido", "ha salido"), "signed out", ("Ha cerrado sesión (solo con el plugin).", "They signed out (plugin only).")),
    ("session_changed", ("con otra sesión", "con otra sesión"), "session changed", ("Ha entrado o salido: la base de datos no distingue.", "They signed in or out: the database can't tell which.")),
    ("permissions_changed", ("con otros permisos", "con otros permisos"), "permissions changed", ("Ha cambiado lo que puede hacer; `cause` es la fila que lo causó.", "What they may do changed; `cause` is the row behind it.")),
    ("enabled", ("activado", "activada"), "enabled", ("Puede volver a entrar.", "They may sign in again.")),
    ("disabled", ("desactivado", "desactivada"), "disabled", ("Ya no puede entrar.", "They may no longer sign in.")),
];

fn verbs(kind: Kind) -> &'static [&'static str] {
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

/// What a type says in words, in Spanish and English: of what, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// What people call the thing: `Factura de cliente`.
    pub noun: (&'static str, &'static str),
    /// What happened: `cobrada`.
    pub verb: (String, String),
}

/// A type of the catalogue in words.
pub fn spoken(event: &EventType) -> Option<Spoken> {
    let (noun, word) = event.as_str().rsplit_once('.')?;
    let model = MODELS.iter().find(|model| model.noun == noun && verbs(model.kind).contains(&word))?;
    let (verb, english) = verb(model, word)?;
    Some(Spoken { noun: model.title, verb: (verb, english.to_owned()) })
}

/// All types of the catalogue, in its order.
pub fn all() -> impl Iterator<Item = Described> {
    MODELS.iter().flat_map(|model| verbs(model.kind).iter().filter_map(|verb| describe(model, verb)))
}

fn describe(model: &'static Model, word: &str) -> Option<Described> {
    let (word, _, _, (es, en)) = VERBS.iter().find(|verb| verb.0 == word)?;
    let (spanish, english) = verb(model, word)?;
    Some(Described {
        event: EventType::parse(&format!("{}.{word}", model.noun)).ok()?,
        model: Some(model),
        title: (format!("{} {spanish}", model.title.0), format!("{} {english}", model.title.1)),
        description: ((*es).to_owned(), (*en).to_owned()),
    })
}

/// A verb in Spanish, as the model's gender asks, and in English.
fn verb(model: &Model, word: &str) -> Option<(String, &'static str)> {
    let (_, (masculine, feminine), english, _) = VERBS.iter().find(|verb| verb.0 == word)?;
    let spanish = if model.feminine { feminine } else { masculine };
    // What we owe is paid, what is owed to us is collected.
    let spanish = match (word, model.area) {
        ("paid", crate::catalogue::Area::Purchases) => spanish.replace("cobrad", "pagad"),
        _ => (*spanish).to_owned(),
    };
    Some((spanish, english))
}

static SAMPLES: LazyLock<HashMap<String, Record>> =
    LazyLock::new(|| serde_json::from_str(include_str!("samples.json")).expect("samples.json holds records"));

/// A sample of an event's `data`, and the row it is about. Types that we don't know get a small one.
pub fn sample(event: &EventType) -> (Map<String, Value>, Option<ObjectKey>) {
    let described = all().find(|described| described.event == *event);
    let model = described.as_ref().and_then(|described| described.model);
    let Some((model, record)) = model.and_then(|model| Some((model, SAMPLES.get(model.name)?.clone()))) else {
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

/// A record that fits the verb, and the old values that go with it.
fn before_and_after(model: &Model, verb: &str, mut record: Record) -> (Record, Option<Value>) {
    let (paid, due) = if model.kind == Kind::Receipt { ("pagado", "vencido") } else { ("pagada", "vencida") };
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
pub fn schema(described: &Described) -> Value {
    let object =
        described.model.map_or_else(|| json!({"type": "object"}), |model| object_schema(model.name, model.lines));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["id", "event", "created", "data", "source"],
        "properties": {
            "id": {"type": "string"},
            "event": {"const": described.event.as_str()},
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
