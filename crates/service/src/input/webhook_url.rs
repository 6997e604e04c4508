use gancho_model::{Message, target};
use serde_json::{Value, json};

use super::{Rules, Scalar};

/// The URL of an endpoint. A new one must be deliverable; the current one is always accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookUrl(pub String);

impl WebhookUrl {
    /// Validates a URL.
    ///
    /// # Errors
    /// The reason.
    pub fn new(text: &str, rules: &Rules<'_>) -> Result<Self, Message> {
        let url = target::parse(text).map_err(target::BadUrl::message)?;
        if let Some(known) = rules.known_url.filter(|known| *known == url.as_str()) {
            return Ok(Self(known.to_owned()));
        }
        let Some(allowed) = rules.allowed else { return Ok(Self(url.into())) };
        target::parse_new(text, allowed).map(|url| Self(url.into())).map_err(target::BadUrl::message)
    }
}

impl Scalar for WebhookUrl {
    fn schema() -> Value {
        json!({"type": "string", "format": "uri", "maxLength": target::LENGTH_MAX})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::String(text) => Self::new(&text, rules),
            _ => Err(Message::new("error-text")),
        }
    }
}
