use bytes::Bytes;
use serde_json::{Map, Value};

use crate::{EventId, EventType, Origin, Rng, SourceId, Timestamp, canonical};

/// A stored event: immutable, its body rendered once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `evt_…`
    pub id: EventId,
    /// Its number in the feed, from 1; 0 if it has none, as tests.
    pub sequence: u64,
    /// Its type.
    pub event: EventType,
    /// When it happened, to the second.
    pub created: Timestamp,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// The ERP that it comes from.
    pub source: Option<SourceId>,
    /// The row that it is about.
    pub object: Option<ObjectKey>,
    /// Its display name, such as a document's number.
    pub label: Option<String>,
    /// The bytes that are signed and sent, shared by all deliveries.
    pub body: Bytes,
}

impl Event {
    /// An event of Gancho's own: `data` is `{"object": …}`; it gets its number in the feed when it is stored.
    pub fn own(event: EventType, object: Value, label: Option<String>, now: Timestamp, rng: &dyn Rng) -> Self {
        let id = EventId::new(now, rng);
        let data = Map::from_iter([("object".to_owned(), object)]);
        let body = render_body(id, &event, now, data, &Provenance::default());
        Self { id, sequence: 0, event, created: now, arrived_at: now, source: None, object: None, label, body }
    }
}

/// A row of the ERP: a model and its key, such as `FacturaCliente` and `123`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The ERP's model.
    pub model: String,
    /// The primary key as text.
    pub key: String,
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.model, self.key)
    }
}

impl ObjectKey {
    /// Parses `Model:key`.
    pub fn parse(text: &str) -> Option<Self> {
        let (model, key) = text.split_once(':')?;
        (!model.is_empty() && !key.is_empty()).then(|| Self { model: model.into(), key: key.into() })
    }
}

/// An event before it is rendered: its type and `data`.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// The type.
    pub event: EventType,
    /// `data`: `object` and further fields.
    pub data: Map<String, Value>,
    /// The row that it is about.
    pub object: Option<ObjectKey>,
    /// Its display name.
    pub label: Option<String>,
    /// When it happened, if known.
    pub at: Option<Timestamp>,
}

/// The provenance in an event's body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The ERP.
    pub source: Option<SourceId>,
    /// Who made the change, if known.
    pub origin: Option<Origin>,
    /// Whether it is a sample.
    pub test: bool,
}

impl Provenance {
    /// The provenance of a sample.
    pub fn sample() -> Self {
        Self { test: true, ..Self::default() }
    }
}

/// Renders the body for receivers: `{"id","event","created","data","source"}`, then `"origin"` if known, and
/// `"test":true` for tests. `data` and `origin` are canonical JSON.
pub fn render_body(
    id: EventId,
    event: &EventType,
    created: Timestamp,
    data: Map<String, Value>,
    from: &Provenance,
) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(format!(r#"{{"id":"{id}","event":"{event}","created":{},"data":"#, created.s()).as_bytes());
    canonical::write(&Value::Object(data), &mut out);
    match from.source {
        Some(source) => out.extend_from_slice(format!(r#","source":"{source}""#).as_bytes()),
        None => out.extend_from_slice(br#","source":null"#),
    }
    if let Some(origin) = &from.origin {
        out.extend_from_slice(br#","origin":"#);
        canonical::write(&origin.to_json(), &mut out);
    }
    out.extend_from_slice(if from.test { br#","test":true}"# } else { b"}" });
    Bytes::from(out)
}

/// Renders a body that was parsed and changed, in the order of [`render_body`].
pub(crate) fn write_body(body: &Value) -> Bytes {
    let mut out = Vec::with_capacity(1024);
    for name in ["id", "event", "created", "data", "source", "origin", "test"] {
        let Some(part) = body.get(name) else { continue };
        out.extend_from_slice(if out.is_empty() { b"{\"" } else { b",\"" });
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        canonical::write(part, &mut out);
    }
    out.push(b'}');
    Bytes::from(out)
}
