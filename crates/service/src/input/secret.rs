use gancho_model::{Message, Secret};
use serde_json::{Value, json};

use super::{Rules, Scalar, Text};

/// A secret in another format: without whitespace and control characters.
const FREE: &str = r"^(?!whsec_)[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$";
/// A secret in the format of Standard Webhooks 1.0.0: `whsec_` and 24 to 64 bytes in base64 (RFC 4648 §4).
const STANDARD: &str = "^whsec_(?:(?:[A-Za-z0-9+/]{4}){8,21}(?:[A-Za-z0-9+/][AQgw]==)?\
    |(?:[A-Za-z0-9+/]{4}){8,20}[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)$";

/// A signing secret chosen by the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret(pub Secret);

impl NewSecret {
    /// Validates a secret.
    ///
    /// # Errors
    /// The reason.
    pub fn new(text: impl Into<String>) -> Result<Self, Message> {
        let Text(text) = Text::<8, 256>::new(text)?;
        let is_good = text.chars().all(|letter| !letter.is_whitespace());
        let secret = Secret::new(text);
        match secret.standard_key() {
            _ if !is_good => Err(Message::new("error-blanks")),
            None if secret.expose().starts_with(Secret::PREFIX) => Err(Message::new("error-whsec")),
            Some(key) if !(24..=64).contains(&key.len()) => Err(Message::new("error-whsec-length")),
            _ => Ok(Self(secret)),
        }
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

impl Scalar for NewSecret {
    fn schema() -> Value {
        json!({"type": "string", "minLength": 8, "maxLength": 256, "pattern": format!("{FREE}|{STANDARD}")})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::String(text) => Self::new(text),
            _ => Err(Message::new("error-text")),
        }
    }
}
