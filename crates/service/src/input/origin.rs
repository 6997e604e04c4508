//! The origin of a change.

use gancho_model::{Message, Origin, OriginKind, OriginReference};
use serde_json::{Value, json};

use super::{Rules, Scalar, Text, input};

input! {
    /// Who, or what, wrote to the ERP.
    pub struct OriginInput {
        /// `user`, `api`, `cron` or `sql`.
        pub kind: OriginKind,
        /// Which one: a nick, the number of a key.
        pub id: Option<OriginId>,
        /// What people call it.
        pub name: Option<Text<1, 100>>,
    }
}

impl From<OriginInput> for Origin {
    fn from(input: OriginInput) -> Self {
        let id = input.id.map_or(Value::Null, |id| id.0);
        Self { kind: input.kind, id, name: input.name.map(|name| name.0) }
    }
}

/// The id within its kind: a text or a whole number, stored unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginId(Value);

impl Scalar for OriginId {
    fn schema() -> Value {
        json!({"type": ["string", "integer"], "minLength": 1, "maxLength": 100})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::Number(number) if number.is_i64() => Ok(Self(Value::Number(number))),
            text => <Text<1, 100> as Scalar>::parse(text, rules).map(|text| Self(text.0.into())),
        }
    }
}

impl Scalar for OriginReference {
    fn schema() -> Value {
        // After the colon: no control characters, and no leading or trailing spaces.
        let visible = r"[^\s\u0000-\u001f\u007f-\u009f]";
        let inner = r"[^\u0000-\u001f\u007f-\u009f]";
        let pattern = format!("^(user|api|cron|sql)(:{visible}({inner}*{visible})?)?$");
        json!({"type": "string", "pattern": pattern, "maxLength": OriginReference::LENGTH_MAX})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        let text = value.as_str().unwrap_or_default();
        OriginReference::parse(text).ok_or_else(|| Message::new("error-origin"))
    }
}
