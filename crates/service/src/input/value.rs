//! Values of the domain model, and of JSON.

use const_format::formatcp;
use gancho_facturascripts::event_types;
use gancho_model::{
    DeliveryId, EndpointId, EventId, EventType, Message, ObjectKey, Pattern, Record, SourceId, Timestamp, canonical,
    event_type,
};
use serde_json::{Value, json};

use super::{Input, JsonValue, Rules, Scalar, document, number::integer, reading::Reading};

/// Maximum of a time in seconds: the end of the year 9999 in every zone.
const SECONDS_MAX: i64 = 253_402_207_200;

/// An event's type.
pub(super) const TYPE: &str = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+";
/// A pattern with a star: parts joined by dots, no two adjacent stars. Without lookahead, on which tools that generate
/// examples could loop forever.
pub(super) const PATTERN: &str = formatcp!(r"(?:{PLAIN}\.)*{STARRED}(?:\.(?:{PLAIN}|{STARRED}))*");
const PLAIN: &str = "[a-z0-9_]+";
const STARRED: &str = r"[a-z0-9_]*\*(?:[a-z0-9_]+\*)*[a-z0-9_]*";

/// An id.
macro_rules! ids {
    ($($id:ty),+) => {$(
        impl Scalar for $id {
            fn schema() -> Value {
                json!({"type": "string", "pattern": format!("^{}[0-7][0-9a-hjkmnp-tv-z]{{25}}$", <$id>::PREFIX)})
            }

            fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
                let wrong = || Message::new("error-id").with("prefix", <$id>::PREFIX);
                value.as_str().unwrap_or_default().parse().map_err(|_| wrong())
            }
        }
    )+};
}
ids!(DeliveryId, EndpointId, EventId, SourceId);

impl Scalar for Pattern {
    fn schema() -> Value {
        json!({"type": "string", "maxLength": event_type::LENGTH_MAX,
            "pattern": format!("^(?:{PATTERN}|{TYPE})$")})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Self::parse(value.as_str().unwrap_or_default()).map_err(|_| Message::new("error-pattern"))
    }
}

/// A subscription. For a known noun only existing types are accepted: a typo would never be noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription(pub Pattern);

impl Subscription {
    /// Validates a type or pattern.
    ///
    /// # Errors
    /// The reason; for an unknown type, with the nearest one.
    pub fn new(text: &str) -> Result<Self, Message> {
        let pattern = Pattern::parse(text).map_err(|_| Message::new("error-pattern"))?;
        let Some((noun, verb)) = text.rsplit_once('.').filter(|_| !text.contains('*')) else {
            return Ok(Self(pattern));
        };
        let Some(verbs) = event_types::verbs_of(noun).filter(|verbs| !verbs.contains(&verb)) else {
            return Ok(Self(pattern));
        };
        let nearest = verbs.iter().max_by(|a, b| strsim::jaro(a, verb).total_cmp(&strsim::jaro(b, verb)));
        let nearest = format!("{noun}.{}", nearest.unwrap_or(&"*"));
        Err(Message::new("error-no-such-type").with("type", text).with("nearest", nearest))
    }
}

impl Scalar for Subscription {
    fn schema() -> Value {
        <Pattern as Scalar>::schema()
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Self::new(value.as_str().unwrap_or_default())
    }
}

/// The type of a sample. For a known noun only existing types are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleType(pub EventType);

impl SampleType {
    /// Validates a type.
    ///
    /// # Errors
    /// The reason; for an unknown type, with the nearest one.
    pub fn new(text: &str) -> Result<Self, Message> {
        let event = EventType::parse(text).map_err(|_| Message::new("error-type"))?;
        Subscription::new(text).map(|_| Self(event))
    }
}

impl Scalar for SampleType {
    fn schema() -> Value {
        <EventType as Scalar>::schema()
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Self::new(value.as_str().unwrap_or_default())
    }
}

impl Scalar for EventType {
    fn schema() -> Value {
        json!({"type": "string", "maxLength": event_type::LENGTH_MAX, "pattern": format!("^{TYPE}$")})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Self::parse(value.as_str().unwrap_or_default()).map_err(|_| Message::new("error-type"))
    }
}

/// A type that programs may send: none of Gancho's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendableType(pub EventType);

impl Scalar for SendableType {
    fn schema() -> Value {
        json!({"type": "string", "maxLength": event_type::LENGTH_MAX,
            "pattern": format!(r"^(?!(?:endpoint|source)\.){TYPE}$")})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        let event = <EventType as Scalar>::parse(value, rules)?;
        if event.is_own() { Err(Message::new("error-own-type")) } else { Ok(Self(event)) }
    }
}

/// RFC 3339.
impl Scalar for Timestamp {
    fn schema() -> Value {
        json!({"type": "string", "format": "date-time"})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        value.as_str().and_then(Self::parse).ok_or_else(|| Message::new("error-time"))
    }
}

/// Seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnixSeconds(pub Timestamp);

impl Scalar for UnixSeconds {
    fn schema() -> Value {
        json!({"type": "integer", "minimum": 0, "maximum": SECONDS_MAX})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        let seconds = integer(&value).filter(|s| (0..=SECONDS_MAX).contains(s));
        seconds.map(|s| Self(Timestamp::from_s(s))).ok_or_else(|| Message::new("error-seconds"))
    }
}

/// RFC 3339, or seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnyTime(pub Timestamp);

impl Scalar for AnyTime {
    fn schema() -> Value {
        json!({"oneOf": [<Timestamp as Scalar>::schema(), <UnixSeconds as Scalar>::schema()]})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::Number(_) => UnixSeconds::parse(value, rules).map(|seconds| Self(seconds.0)),
            value => <Timestamp as Scalar>::parse(value, rules).map(Self),
        }
    }
}

/// Maximum length of a time in a query.
const FILTER_TIME_MAX: usize = 40;

/// A time in a query: RFC 3339, seconds since 1970, or a date such as `2026-03-01`, optionally with a time after a
/// space, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FilterTime(pub Timestamp);

impl Scalar for FilterTime {
    fn schema() -> Value {
        json!({"type": "string", "format": "time or date", "minLength": 1, "maxLength": FILTER_TIME_MAX})
    }

    fn parse(value: Value, rules: &Rules<'_>) -> Result<Self, Message> {
        let text = value.as_str().unwrap_or_default();
        if text.len() > FILTER_TIME_MAX {
            return Err(Message::new("error-time"));
        }
        let text = text.trim().to_owned();
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            let seconds = text.parse::<i64>().map_or(Value::Null, Value::from);
            return UnixSeconds::parse(seconds, rules).map(|seconds| Self(seconds.0));
        }
        let whole = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            _ if text.as_bytes().get(10) == Some(&b' ') => format!("{}T{}Z", &text[..10], &text[11..]),
            _ => text,
        };
        <Timestamp as Scalar>::parse(whole.into(), rules).map(Self)
    }
}

/// Any object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(pub Record);

impl Scalar for Object {
    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": JsonValue::reference()})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        match value {
            Value::Object(record) => Ok(Self(record)),
            _ => Err(Message::new("error-object")),
        }
    }
}

impl utoipa::PartialSchema for Object {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        document(<Self as Scalar>::schema())
    }
}

impl utoipa::ToSchema for Object {
    fn name() -> std::borrow::Cow<'static, str> {
        "JsonObject".into()
    }
}

/// Any value: only its presence matters.
#[derive(Clone, Debug)]
pub struct Anything;

impl Scalar for Anything {
    fn schema() -> Value {
        json!({})
    }

    fn parse(_: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Ok(Self)
    }
}

/// `Model:key`.
impl Scalar for ObjectKey {
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[^:]+:[\\s\\S]+$"})
    }

    fn parse(value: Value, _: &Rules<'_>) -> Result<Self, Message> {
        Self::parse(value.as_str().unwrap_or_default()).ok_or_else(|| Message::new("error-object-key"))
    }
}

/// The input, with its canonical JSON if it has an id for recognising repeats.
#[derive(Clone, Debug)]
pub struct Sent<T> {
    /// The input.
    pub input: T,
    /// The canonical JSON.
    pub text: Option<String>,
}

impl<T: Input> Input for Sent<T> {
    fn schema() -> Value {
        T::schema()
    }

    fn read(value: Value, place: &str, reading: &mut Reading<'_>) -> Option<Self> {
        let text = value.get("id").map(|_| canonical::to_string(&value));
        T::read(value, place, reading).map(|input| Self { input, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_type_is_refused_with_the_nearest_one() {
        for good in ["invoice.paid", "invoice.*", "*", "subscription.renewed", "endpoint.failing", "invoice.snapshot"] {
            assert!(Subscription::new(good).is_ok(), "{good}");
        }
        for (slip, nearest) in [
            ("invoice.payed", "invoice.paid"),
            ("user.permission_changed", "user.permissions_changed"),
            ("source.dwon", "source.down"),
        ] {
            let error = Subscription::new(slip).expect_err(slip);
            assert_eq!(error, Message::new("error-no-such-type").with("type", slip).with("nearest", nearest));
        }
        assert!(Subscription::new("order.paid").is_err(), "orders are not paid");
        assert_eq!(Subscription::new("Invoice").map_err(|error| error.id), Err("error-pattern"));
    }
}
