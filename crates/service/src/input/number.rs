use gancho_model::Message;
use serde_json::{Value, json};

use super::{Rules, Scalar};

/// An integer, also if written as `7.0`: JSON has only one number type.
pub(super) fn integer(value: &Value) -> Option<i64> {
    /// Doubles represent integers exactly up to here.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(whole))
}

/// An integer in this range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole<const MIN: i64, const MAX: i64>(pub i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    fn wrong() -> Message {
        Message::new("error-number").with("min", MIN).with("max", MAX)
    }

    /// Validates a number.
    ///
    /// # Errors
    /// The range.
    pub fn new(number: i64) -> Result<Self, Message> {
        if (MIN..=MAX).contains(&number) { Ok(Self(number)) } else { Err(Self::wrong()) }
    }

    /// Parses a text.
    ///
    /// # Errors
    /// The range.
    pub fn of_text(text: &str) -> Result<Self, Message> {
        Self::new(text.parse().map_err(|_| Self::wrong())?)
    }

    /// For a form's field: `None` if it is empty.
    ///
    /// # Errors
    /// The range.
    pub fn filled(text: &str) -> Result<Option<Self>, Message> {
        match text.trim() {
            "" => Ok(None),
            text => Self::of_text(text).map(Some),
        }
    }

    /// The number, for non-negative ranges within 32 bits.
    pub fn small(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<const MIN: i64, const MAX: i64> Scalar for Whole<MIN, MAX> {
    fn schema() -> Value {
        json!({"type": "integer", "minimum": MIN, "maximum": MAX})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        let number = match &value {
            Value::String(text) if rules.are_texts => text.parse().ok(),
            value => integer(value),
        };
        Self::new(number.ok_or_else(Self::wrong)?)
    }
}

impl Scalar for bool {
    fn schema() -> Value {
        json!({"type": "boolean"})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        let flag = match &value {
            Value::String(text) if rules.are_texts => text.parse().ok(),
            value => value.as_bool(),
        };
        flag.ok_or_else(|| Message::new("error-flag"))
    }
}
