//! Conditions and templates of a webhook.

use gancho_model::{CONDITION_MAX, Condition, Message, TEMPLATE_MAX, Template};
use serde_json::{Value, json};

use super::{Rules, Scalar};

impl Scalar for Condition {
    fn schema() -> Value {
        json!({"type": "string", "format": "condition", "minLength": 1, "maxLength": CONDITION_MAX})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Condition::parse(value.as_str().ok_or_else(|| Message::new("error-text"))?)
    }
}

impl Scalar for Template {
    fn schema() -> Value {
        json!({"type": "string", "format": "jinja", "minLength": 1, "maxLength": TEMPLATE_MAX})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        let text = value.as_str().ok_or_else(|| Message::new("error-text"))?;
        if text.trim().is_empty() {
            return Err(Message::new("error-required"));
        }
        Template::parse(text)
    }
}
