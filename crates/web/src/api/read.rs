//! How single values are read.

use gancho_model::{EventType, Message, Pattern, Record, Timestamp};
use serde_json::Value;

/// Text of so many characters, without control characters.
pub(crate) fn text(least: usize, most: usize) -> impl Fn(Value) -> Result<String, Message> {
    move |value| {
        let Value::String(text) = value else { return Err(Message::new("error-text")) };
        let length = text.chars().count();
        if length < least || length > most {
            return Err(Message::new("error-length").with("min", least).with("max", most));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            return Err(Message::new("error-control"));
        }
        Ok(text)
    }
}

/// A whole number in this range.
pub(crate) fn number(least: i64, most: i64) -> impl Fn(Value) -> Result<i64, Message> {
    move |value| match value.as_i64() {
        Some(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(Message::new("error-number").with("min", least).with("max", most)),
    }
}

pub(crate) fn flag(value: Value) -> Result<bool, Message> {
    value.as_bool().ok_or_else(|| Message::new("error-flag"))
}

/// A list of at most so many items.
pub(crate) fn list<T>(
    least: usize,
    most: usize,
    read: impl Fn(Value) -> Result<T, Message>,
) -> impl Fn(Value) -> Result<Vec<T>, Message> {
    move |value| {
        let Value::Array(items) = value else { return Err(Message::new("error-list")) };
        if items.len() < least || items.len() > most {
            return Err(Message::new("error-items").with("min", least).with("max", most));
        }
        let read = |(n, item)| read(item).map_err(|why| Message::new("error-item").with("n", n).with("why", why));
        items.into_iter().enumerate().map(read).collect()
    }
}

pub(crate) fn pattern(value: Value) -> Result<Pattern, Message> {
    Pattern::parse(value.as_str().unwrap_or_default()).map_err(|_| Message::new("error-pattern"))
}

/// Patterns separated by commas, as in a query.
pub(crate) fn patterns(value: Value) -> Result<Vec<Pattern>, Message> {
    let text = value.as_str().unwrap_or_default();
    text.split(',').map(|part| pattern(Value::from(part.trim()))).collect()
}

pub(crate) fn event_type(value: Value) -> Result<EventType, Message> {
    EventType::parse(value.as_str().unwrap_or_default()).map_err(|_| Message::new("error-type"))
}

pub(crate) fn time(value: Value) -> Result<Timestamp, Message> {
    value.as_str().and_then(Timestamp::parse).ok_or_else(|| Message::new("error-time"))
}

/// Unix seconds, or RFC 3339.
pub(crate) fn moment(value: Value) -> Result<Timestamp, Message> {
    match value {
        Value::Number(_) => seconds(value),
        value => time(value),
    }
}

pub(crate) fn seconds(value: Value) -> Result<Timestamp, Message> {
    let in_range = value.as_i64().filter(|s| (0..=253_402_207_200).contains(s));
    in_range.map(Timestamp::from_s).ok_or_else(|| Message::new("error-seconds"))
}

pub(crate) fn record(value: Value) -> Result<Record, Message> {
    match value {
        Value::Object(record) => Ok(record),
        _ => Err(Message::new("error-object")),
    }
}

/// A name that a program gives, by which a repeat is recognised.
pub(crate) fn client_id(value: Value) -> Result<String, Message> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    match value {
        Value::String(id) if (1..=100).contains(&id.len()) && id.bytes().all(good) => Ok(id),
        _ => Err(Message::new("error-own-id")),
    }
}

/// An id of ours.
pub(crate) fn id<T: std::str::FromStr<Err = gancho_model::BadId>>(value: Value) -> Result<T, Message> {
    value
        .as_str()
        .unwrap_or_default()
        .parse()
        .map_err(|error: gancho_model::BadId| Message::new("error-id").with("prefix", error.prefix()))
}
