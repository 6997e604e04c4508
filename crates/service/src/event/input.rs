use gancho_intake::{SubmittedEvent, digest};
use gancho_model::{Message, limits::BATCH_MAX};
use serde_json::{Map, Value, json};

use crate::input::{
    ClientId, Input, Items, List, Object, OriginInput, Reading, SendableType, Sent, Text, UnixSeconds, document, input,
};

input! {
    /// What an event is about.
    pub struct EventData {
        /// The record.
        pub object: Object,
        /// Old values of what changed.
        pub previous: Option<Object>,
        /// What it happened because of.
        pub cause: Option<Object>,
        /// Names of what changed.
        pub changed: Option<List<Text<1, 100>, 1, 100>>,
        /// The ERP's model.
        pub model: Option<Text<1, 100>>,
    }
}

input! {
    /// An event of a program.
    pub struct EventInput {
        /// `noun.verb`; not Gancho's own `endpoint.*` and `source.*`.
        pub event: SendableType,
        /// What it is about.
        pub data: EventData,
        /// Your own name for it, by which a repeat is recognised for 30 days.
        pub id: Option<ClientId>,
        /// When it happened, Unix seconds; now if left out.
        pub created: Option<UnixSeconds>,
        /// Who made it happen, if that is known.
        pub origin: Option<OriginInput>,
    }
}

/// One event, or a list of them.
#[derive(Clone, Debug)]
pub enum EventsInput {
    /// One.
    One(Box<Sent<EventInput>>),
    /// A list, even of one.
    Many(Vec<Sent<EventInput>>),
}

impl Input for EventsInput {
    fn schema() -> Value {
        let one = <EventInput as Input>::schema();
        json!({"oneOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": BATCH_MAX}]})
    }

    fn read(value: Value, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        match value {
            Value::Array(items) if items.is_empty() || items.len() > BATCH_MAX => {
                reading.wrong(place, Message::new("error-batch").with("max", BATCH_MAX));
                None
            }
            items @ Value::Array(_) => {
                Items::<Sent<EventInput>, 1, BATCH_MAX>::read(items, place, reading).map(|items| Self::Many(items.0))
            }
            one => Sent::read(one, place, reading).map(|one| Self::One(Box::new(one))),
        }
    }
}

impl utoipa::PartialSchema for EventsInput {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        document(<Self as Input>::schema())
    }
}

impl utoipa::ToSchema for EventsInput {}

impl EventData {
    /// Its form in a body.
    pub(crate) fn into_map(self) -> Map<String, Value> {
        let mut data = Map::new();
        data.insert("object".into(), Value::Object(self.object.0));
        for (name, record) in [("previous", self.previous), ("cause", self.cause)] {
            if let Some(Object(record)) = record {
                data.insert(name.into(), Value::Object(record));
            }
        }
        if let Some(List(changed)) = self.changed {
            data.insert("changed".into(), json!(changed.into_iter().map(|name| name.0).collect::<Vec<_>>()));
        }
        if let Some(Text(model)) = self.model {
            data.insert("model".into(), model.into());
        }
        data
    }
}

impl From<Sent<EventInput>> for SubmittedEvent {
    fn from(sent: Sent<EventInput>) -> Self {
        let digest = sent.text.map(|text| digest(text.as_bytes())).unwrap_or_default();
        let EventInput { event, data, id, created, origin } = sent.input;
        Self {
            id: id.map(|id| id.0),
            event: event.0,
            data: data.into_map(),
            created: created.map(|seconds| seconds.0),
            origin: origin.map(Into::into),
            digest,
        }
    }
}
