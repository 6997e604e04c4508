//! How single values are read.

use gancho_model::{EventType, Pattern, Record, Said, Timestamp};
use serde_json::Value;

/// Text of so many characters, without control characters.
pub(crate) fn text(least: usize, most: usize) -> impl Fn(Value) -> Result<String, Said> {
    move |value| {
        let Value::String(text) = value else { return Err(Said::plain("error-text")) };
        let length = text.chars().count();
        if length < least || length > most {
            return Err(Said::plain("error-length").with("min", least).with("max", most));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err(Said::plain("error-control"));
        }
        Ok(text)
    }
}

/// A whole number in this range.
pub(crate) fn number(least: i64, most: i64) -> impl Fn(Value) -> Result<i64, Said> {
    move |value| match value.as_i64() {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(Said::plain("error-number").with("min", least).with("max", most)),
    }
}

pub(crate) fn flag(value: Value) -> Result<bool, Said> {
    value.as_bool().ok_or_else(|| Said::plain("error-flag"))
}

/// A list of at most so many items.
pub(crate) fn list<T>(
    least: usize,
    most: usize,
    read: impl Fn(Value) -> Result<T, Said>,
) -> impl Fn(Value) -> Result<Vec<T>, Said> {
    move |value| {
        let Value::Array(items) = value else { return Err(Said::plain("error-list")) };
        if items.len() < least || items.len() > most {
            return Err(Said::plain("error-items").with("min", least).with("max", most));
        }
        let read = |(n, item)| read(item).map_err(|why| Said::plain("error-item").with("n", n).with("why", why));
        items.into_iter().enumerate().map(read).collect()
    }
}

pub(crate) fn pattern(value: Value) -> Result<Pattern, Said> {
    Pattern::parse(value.as_str().unwrap_or_default()).map_err(|_| Said::plain("error-pattern"))
}

/// Patterns separated by commas, as in a query.
pub(crate) fn patterns(value: Value) -> Result<Vec<Pattern>, Said> {
    let text = value.as_str().unwrap_or_default();
    text.split(',').map(|part| pattern(Value::from(part.trim()))).collect()
}

pub(crate) fn event_type(value: Value) -> Result<EventType, Said> {
    EventType::parse(value.as_str().unwrap_or_default()).map_err(|_| Said::plain("error-type"))
}

pub(crate) fn time(value: Value) -> Result<Timestamp, Said> {
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| Said::plain("error-time"))
}

/// Unix seconds, or RFC 3339.
pub(crate) fn moment(value: Value) -> Result<Timestamp, Said> {
    match value {
        Value::Number(_) => seconds(value),
        value => time(value),
    }
}

pub(crate) fn seconds(value: Value) -> Result<Timestamp, Said> {
    let in_range = value.as_i64().filter(|s| (0..=253_402_207_200).contains(s));
    in_range.map(Timestamp::from_s).ok_or_else(|| Said::plain("error-seconds"))
}

pub(crate) fn record(value: Value) -> Result<Record, Said> {
    match value {
        Value::Object(record) => Ok(record),
        _ => Err(Said::plain("error-object")),
    }
}

/// A name that a program gives, by which a repeat is recognised.
pub(crate) fn own_id(value: Value) -> Result<String, Said> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match value {
        Value::String(id) if (1..=100).contains(&id.len()) && id.bytes().all(good) => Ok(id),
        _ => Err(Said::plain("error-own-id")),
    }
}

/// An id of ours.
pub(crate) fn id<T: std::str::FromStr<Err = gancho_model::BadId>>(value: Value) -> Result<T, Said> {
    value
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error: gancho_model::BadId| Said::plain("error-id").with("prefix", error.prefix()))
}
