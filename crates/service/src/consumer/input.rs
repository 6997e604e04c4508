use gancho_model::{Message, Pattern, SourceId, Timestamp};
use serde_json::{Value, json};

use crate::input::{List, Rules, Scalar, Whole, input};

/// The name of a consumer: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerName(pub String);

impl Scalar for ConsumerName {
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let text = value.as_str().filter(|text| (1..=64).contains(&text.len()) && text.bytes().all(good));
        // Only dots would be another path in a URL.
        let text = text.filter(|text| text.bytes().any(|byte| byte != b'.'));
        text.map(|text| Self(text.to_owned())).ok_or_else(|| Message::new("error-consumer-name"))
    }
}

/// Where a consumer starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After this sequence number; 0 for the oldest event kept.
    After(u64),
    /// With the first event that arrived at this time or later.
    At(Timestamp),
    /// After the current last event.
    Latest,
}

impl Scalar for Start {
    fn schema() -> Value {
        let number = <Whole<0, { i64::MAX }> as Scalar>::schema();
        json!({"oneOf": [number, {"type": "string", "enum": ["latest"]}, <Timestamp as Scalar>::schema()]})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::String(word) if word == "latest" => Ok(Self::Latest),
            text @ Value::String(_) => <Timestamp as Scalar>::parse(text, rules).map(Self::At),
            number => <Whole<0, { i64::MAX }> as Scalar>::parse(number, rules)
                .map(|number| Self::After(number.0.unsigned_abs())),
        }
    }
}

input! {
    /// A consumer to be made.
    pub struct NewConsumer {
        /// Its name.
        pub name: ConsumerName,
        /// Only types that match one of these patterns; all if left out.
        pub types: Option<List<Pattern, 0, 100>>,
        /// Only events of these sources; of all if left out.
        pub sources: Option<List<SourceId, 0, 100>>,
        /// After this sequence number, at this time, or `latest`; from the first event that is kept if left out.
        pub from: Option<Start>,
    }
}

input! {
    /// How far a consumer has come.
    pub struct AckInput {
        /// The sequence number of the last event that it has handled; those before it count as handled too.
        pub sequence: Whole<0, { i64::MAX }>,
    }
}
