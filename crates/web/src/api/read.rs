//! How single values are read.

use gancho_model::{EventType, Pattern, Record, Timestamp};
use serde_json::Value;

/// Text of so many characters, without control characters.
pub(crate) fn text(least: usize, most: usize) -> impl Fn(Value) -> Result<String, String> {
    move |value| {
        let Value::String(text) = value else { return Err("must be a text".into()) };
        let length = text.chars().count();
        if length < least || length > most {
            return Err(format!("must have {least} to {most} characters"));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err("must not have control characters".into());
        }
        Ok(text)
    }
}

/// A whole number in this range.
pub(crate) fn number(least: i64, most: i64) -> impl Fn(Value) -> Result<i64, String> {
    move |value| match value.as_i64() {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("must be a whole number from {least} to {most}")),
    }
}

pub(crate) fn flag(value: Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".into())
}

/// A list of at most so many items.
pub(crate) fn list<T>(
    least: usize,
    most: usize,
    read: impl Fn(Value) -> Result<T, String>,
) -> impl Fn(Value) -> Result<Vec<T>, String> {
    move |value| {
        let Value::Array(items) = value else { return Err("must be a list".into()) };
        if items.len() < least || items.len() > most {
            return Err(format!("must have {least} to {most} items"));
        }
        let read = |(n, item)| read(item).map_err(|message| format!("item {n}: {message}"));
        items.into_iter().enumerate().map(read).collect()
    }
}

pub(crate) fn pattern(value: Value) -> Result<Pattern, String> {
    Pattern::parse(value.as_str().unwrap_or_default()).map_err(|error| error.to_string())
}

/// Patterns separated by commas, as in a query.
pub(crate) fn patterns(value: Value) -> Result<Vec<Pattern>, String> {
    let text = value.as_str().unwrap_or_default();
    text.split(',').map(|part| pattern(Value::from(part.trim()))).collect()
}

pub(crate) fn event_type(value: Value) -> Result<EventType, String> {
    EventType::parse(value.as_str().unwrap_or_default()).map_err(|error| error.to_string())
}

pub(crate) fn time(value: Value) -> Result<Timestamp, String> {
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| "must be a time such as 2026-11-23T18:00:00Z".into())
}

/// Unix seconds, or RFC 3339.
pub(crate) fn moment(value: Value) -> Result<Timestamp, String> {
    match value {
        Value::Number(_) => seconds(value),
        value => time(value),
    }
}

pub(crate) fn seconds(value: Value) -> Result<Timestamp, String> {
    let in_range = value.as_i64().filter(|s| (0..=253_402_207_200).contains(s));
    in_range
        .map(Timestamp::from_s)
        .ok_or_else(|| "must be Unix seconds (not milliseconds), a whole number from 0 to 253402207200".into())
}

pub(crate) fn record(value: Value) -> Result<Record, String> {
    match value {
        Value::Object(record) => Ok(record),
        _ => Err("must be an object".into()),
    }
}

/// A name that a program gives, by which a repeat is recognised.
pub(crate) fn own_id(value: Value) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match value {
        Value::String(id) if (1..=100).contains(&id.len()) && id.bytes().all(good) => Ok(id),
        _ => Err("must be a text of 1 to 100 letters, digits, _ and -".into()),
    }
}

/// An id of ours.
pub(crate) fn id<T: std::str::FromStr<Err = gancho_model::BadId>>(value: Value) -> Result<T, String> {
    value.as_str().unwrap_or_default().parse().map_err(|error: gancho_model::BadId| error.to_string())
}
