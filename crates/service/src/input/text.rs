use gancho_facturascripts::{secrets, shape::Shape};
use gancho_model::Message;
use serde_json::{Value, json};

use super::{Rules, Scalar, document};

/// No control characters except line breaks.
const WITHOUT_CONTROLS: &str = r"^[^\u0000-\u0009\u000b-\u001f\u007f-\u009f]*$";

/// Text of limited length without control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<const MIN: usize, const MAX: usize>(pub String);

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    /// Validates a text.
    ///
    /// # Errors
    /// The reason.
    pub fn new(text: impl Into<String>) -> Result<Self, Message> {
        let text = text.into();
        let length = text.chars().count();
        if !(MIN..=MAX).contains(&length) {
            return Err(Message::new("error-length").with("min", MIN).with("max", MAX));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err(Message::new("error-control"));
        }
        Ok(Self(text))
    }

    /// For a form's field: `None` if it is empty.
    ///
    /// # Errors
    /// The reason.
    pub fn filled(text: &str) -> Result<Option<Self>, Message> {
        let text = text.trim();
        if text.is_empty() { Ok(None) } else { Self::new(text).map(Some) }
    }
}

impl<const MIN: usize, const MAX: usize> Scalar for Text<MIN, MAX> {
    fn schema() -> Value {
        json!({"type": "string", "minLength": MIN, "maxLength": MAX, "pattern": WITHOUT_CONTROLS})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::String(text) => Self::new(text),
            _ => Err(Message::new("error-text")),
        }
    }
}

/// Defines a text type by its schema and its check.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $schema:expr, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(pub String);

        impl $name {
            /// Validates a text.
            ///
            /// # Errors
            /// The reason.
            pub fn new(text: impl Into<String>) -> Result<Self, Message> {
                let text = text.into();
                let check: fn(&str) -> Result<(), Message> = $check;
                check(&text).map(|()| Self(text))
            }
        }

        impl Scalar for $name {
            fn schema() -> Value {
                $schema
            }

            fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
                match value {
                    Value::String(text) => Self::new(text),
                    _ => Err(Message::new("error-text")),
                }
            }
        }
    };
}

fn is_made_of(text: &str, more: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(char::from(byte)))
}

fn good(is_good: bool, id: &'static str) -> Result<(), Message> {
    if is_good { Ok(()) } else { Err(Message::new(id)) }
}

text! {
    /// A client's id, which identifies repeats.
    ClientId, json!({"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"}),
    |text| good(is_made_of(text, "_-"), "error-own-id")
}

text! {
    /// A model of the ERP, or a table's name.
    Model, json!({"type": "string", "pattern": "^[A-Za-z0-9_]{1,100}$"}),
    |text| good(is_made_of(text, "_"), "error-model")
}

text! {
    /// A time zone's name, such as `Europe/Madrid`.
    ZoneName, json!({"$ref": "#/components/schemas/ZoneName"}),
    |text| good(text.len() <= 100 && Shape::new(text).is_ok(), "error-zone")
}

text! {
    /// A mail address; only its format is checked.
    Email, json!({"type": "string", "format": "email", "maxLength": 254}),
    |text| good(is_address(text), "error-email")
}

text! {
    /// A sign-in name.
    PersonName, json!({"type": "string", "minLength": 1, "maxLength": 100}),
    |text| match () {
        () if text.trim() != text => Err(Message::new("error-name-blanks")),
        () => Text::<1, 100>::new(text).and_then(|text| good(!text.0.contains('\n'), "error-control")),
    }
}

impl utoipa::PartialSchema for ClientId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        document(<Self as Scalar>::schema())
    }
}

impl utoipa::ToSchema for ClientId {}

impl utoipa::PartialSchema for ZoneName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        document(json!({"type": "string", "description": "A time zone's IANA name", "enum": Shape::zones()}))
    }
}

impl utoipa::ToSchema for ZoneName {}

impl Email {
    /// For a form's field: `None` if it is empty.
    ///
    /// # Errors
    /// If it is invalid.
    pub fn filled(text: &str) -> Result<Option<Self>, Message> {
        let text = text.trim();
        if text.is_empty() { Ok(None) } else { Self::new(text).map(Some) }
    }
}

fn is_address(text: &str) -> bool {
    let good = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace) && !part.contains(['<', '>', ',']);
    text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| good(local) && good(domain) && domain.contains('.'))
}

/// The primary key of a row, a text or an integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowKey(pub String);

impl Scalar for RowKey {
    fn schema() -> Value {
        json!({"oneOf": [Text::<1, 100>::schema(), {"type": "integer", "minimum": i64::MIN, "maximum": u64::MAX}]})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::Number(number) if !number.is_f64() => Ok(Self(number.to_string())),
            Value::String(_) => Text::<1, 100>::parse(value, rules).map(|text| Self(text.0)),
            _ => Err(Message::new("error-key")),
        }
    }
}

/// A model that a source may capture: none that is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedModel(pub String);

impl WatchedModel {
    /// Validates a name.
    ///
    /// # Errors
    /// The reason.
    pub fn new(text: impl Into<String>) -> Result<Self, Message> {
        let Text(name) = Text::<1, 100>::new(text)?;
        if secrets::is_secret_model(&name) {
            return Err(Message::new("error-secret-model").with("name", name));
        }
        Ok(Self(name))
    }
}

impl Scalar for WatchedModel {
    fn schema() -> Value {
        Text::<1, 100>::schema()
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::String(text) => Self::new(text),
            _ => Err(Message::new("error-text")),
        }
    }
}
