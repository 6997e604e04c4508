//! Normalizes records from the API, MariaDB and PostgreSQL.

use gancho_model::{Record, Timestamp};
use jiff::{
    civil,
    tz::{TimeZone, TimeZoneDatabase},
};
use serde_json::{Number, Value};

use crate::{catalogue, columns, columns::Kind, secrets, text};

/// Doubles represent integers exactly up to here.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// How to normalize a source's records.
#[derive(Clone, Debug)]
pub struct Shape {
    zone: TimeZone,
}

impl Shape {
    /// Interprets timestamps in this IANA zone, such as `Europe/Madrid`.
    ///
    /// # Errors
    /// If the zone does not exist.
    pub fn new(zone: &str) -> Result<Self, jiff::Error> {
        // The system's database may lack old names that ERPs use.
        let zone = TimeZone::get(zone).or_else(|_| TimeZoneDatabase::bundled().get(zone))?;
        Ok(Self { zone })
    }

    /// The names of all bundled zones.
    pub fn zones() -> Vec<String> {
        let mut zones: Vec<String> = TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect();
        zones.sort_unstable();
        zones
    }

    /// The date and hour in the ERP's zone: `2026-11-25` and 0 to 23.
    pub fn wall_clock(&self, at: Timestamp) -> (String, i8) {
        let at = jiff::Timestamp::from_millisecond(at.ms()).unwrap_or_default().to_zoned(self.zone.clone());
        (at.date().to_string(), at.hour())
    }

    /// The record with normalized values, without secrets; `lines` likewise, in the document's order. Unknown columns
    /// are unchanged unless `types` has their type.
    pub fn record(&self, model: &str, record: Record, types: impl Fn(&str) -> Option<Kind>) -> Record {
        let known = columns::find(model);
        let kind = |name: &str| known.and_then(|table| table.columns.get(name).copied()).or_else(|| types(name));
        let lines_model = catalogue::find(model).and_then(|model| model.lines);
        record
            .into_iter()
            .filter(|(name, _)| !secrets::is_secret(model, name))
            .map(|(name, value)| {
                let value = match (lines_model, kind(&name)) {
                    (Some(lines), None) if name == "lines" => self.lines(lines, value),
                    (_, Some(kind)) => self.value(kind, value),
                    _ => value,
                };
                (name, value)
            })
            .collect()
    }

    /// A normalized value. Values that don't fit their type are kept unchanged.
    pub fn value(&self, kind: Kind, value: Value) -> Value {
        let shaped = match kind {
            Kind::Text => as_text(&value),
            Kind::Int => as_int(&value).map(Value::from),
            Kind::Number => as_number(&value),
            Kind::Bool => as_bool(&value).map(Value::Bool),
            Kind::Date => value.as_str().and_then(date).map(|date| Value::from(date.to_string())),
            Kind::Time => value.as_str().and_then(time).map(|time| Value::from(time.strftime("%H:%M:%S").to_string())),
            Kind::Timestamp => value.as_str().and_then(|text| self.timestamp(text)).map(Value::from),
        };
        shaped.unwrap_or(value)
    }

    fn lines(&self, model: &str, value: Value) -> Value {
        let Value::Array(lines) = value else { return value };
        let mut lines: Vec<Value> = lines
            .into_iter()
            .map(|line| match line {
                Value::Object(line) => Value::Object(self.record(model, line, |_| None)),
                other => other,
            })
            .collect();
        // In the ERP's display order: the highest `orden` first, then by insertion.
        lines.sort_by_key(|line| {
            let number = |name: &str| line.get(name).and_then(Value::as_i64).unwrap_or(0);
            (std::cmp::Reverse(number("orden")), number("idlinea"))
        });
        Value::Array(lines)
    }

    /// RFC 3339 with the zone's offset. In the repeated hour of autumn, the earlier of the two.
    fn timestamp(&self, text: &str) -> Option<String> {
        if text.parse::<jiff::Timestamp>().is_ok() {
            return Some(text.to_owned()); // it includes its offset
        }
        let (day, hour) = text.split_once([' ', 'T'])?;
        let zoned = date(day)?.to_datetime(time(hour)?).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
    }
}

fn as_text(value: &Value) -> Option<Value> {
    match value {
        Value::String(stored) => Some(Value::from(text::unescape(stored))),
        Value::Number(code) => Some(Value::from(code.to_string())),
        _ => None,
    }
}

fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

fn as_number(value: &Value) -> Option<Value> {
    let double: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    // 70 and 70.0 are equal and must compare as equal.
    Some(whole(double).map_or_else(|| Number::from_f64(double).map_or(Value::Null, Value::Number), Value::from))
}

fn whole(double: f64) -> Option<i64> {
    (double.fract() == 0.0 && double.abs() <= EXACT_MAX).then_some(double as i64)
}

fn as_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_f64()? != 0.0),
        Value::String(text) => match text.as_str() {
            "1" | "t" | "true" => Some(true),
            "0" | "f" | "false" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// `2026-11-23`, or `23-11-2026` as the API writes it.
fn date(text: &str) -> Option<civil::Date> {
    let mut parts = text.splitn(3, '-');
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = if a.len() == 4 { (a, b, c) } else { (c, b, a) };
    civil::Date::new(digits(year, 4)?, i8::try_from(digits(month, 2)?).ok()?, i8::try_from(digits(day, 2)?).ok()?).ok()
}

/// `18:30:00`; fractions of a second are cut off, the ERP has none.
fn time(text: &str) -> Option<civil::Time> {
    let text = text.split('.').next()?;
    let mut parts = text.splitn(3, ':').map(|part| i8::try_from(digits(part, 2)?).ok());
    civil::Time::new(parts.next()??, parts.next()??, parts.next()??, 0).ok()
}

fn digits(text: &str, length: usize) -> Option<i16> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shape() -> Shape {
        Shape::new("Europe/Madrid").expect("a zone")
    }

    #[test]
    fn every_kind_from_every_side() {
        let is = |kind, inputs: &[Value], out: Value| {
            for input in inputs {
                assert_eq!(shape().value(kind, input.clone()), out, "{kind:?} {input}");
            }
        };
        is(Kind::Bool, &[json!(true), json!(1), json!("1"), json!("t")], json!(true));
        is(Kind::Bool, &[json!(false), json!(0), json!("0"), json!("f")], json!(false));
        is(Kind::Int, &[json!(7), json!("7"), json!(7.0)], json!(7));
        is(Kind::Number, &[json!(84.7), json!("84.7"), json!("84.70")], json!(84.7));
        is(Kind::Number, &[json!(70), json!(70.0), json!("70"), json!("70.00")], json!(70));
        is(Kind::Text, &[json!("4"), json!(4)], json!("4"));
        is(Kind::Date, &[json!("2026-11-23"), json!("23-11-2026")], json!("2026-11-23"));
        is(Kind::Time, &[json!("18:30:00"), json!("18:30:00.000000")], json!("18:30:00"));
        let stamps =
            ["23-11-2026 18:12:15", "2026-11-23 18:12:15", "2026-11-23 18:12:15.123", "2026-11-23T18:12:15+01:00"];
        is(Kind::Timestamp, &stamps.map(Value::from), json!("2026-11-23T18:12:15+01:00"));
        is(Kind::Timestamp, &[json!("2026-10-25 02:30:00")], json!("2026-10-25T02:30:00+02:00"));
        for kind in [Kind::Bool, Kind::Int, Kind::Number, Kind::Text, Kind::Date, Kind::Time, Kind::Timestamp] {
            is(kind, &[Value::Null], Value::Null);
            if kind != Kind::Text {
                is(kind, &[json!("odd")], json!("odd"));
            }
        }
    }

    #[test]
    fn lines_stand_as_the_erp_shows_them() {
        let record = json!({"idfactura": "1", "lines": [{"idlinea": "2", "orden": "1"}, {"idlinea": "1", "orden": "1"}, {"idlinea": "3", "orden": "5", "iva": "21.0"}]});
        let Value::Object(record) = record else { panic!("an object") };
        let shaped = shape().record("FacturaCliente", record, |_| None);
        let right = json!({"idfactura": 1, "lines": [{"idlinea": 3, "orden": 5, "iva": 21}, {"idlinea": 1, "orden": 1}, {"idlinea": 2, "orden": 1}]});
        assert_eq!(Value::Object(shaped), right);
    }

    proptest! {
        #[test]
        fn shaping_twice_is_shaping_once(text in "\\PC{0,12}|[0-9]{1,4}-[0-9]{2}-[0-9]{2,4}( [0-9:.]{8,12})?", number in any::<f64>()) {
            for kind in [Kind::Bool, Kind::Int, Kind::Number, Kind::Date, Kind::Time, Kind::Timestamp] {
                for value in [json!(text), json!(number)] {
                    let once = shape().value(kind, value);
                    prop_assert_eq!(shape().value(kind, once.clone()), once);
                }
            }
        }

        #[test]
        fn a_number_is_the_same_as_text(number in -1e15..1e15f64) {
            prop_assert_eq!(shape().value(Kind::Number, json!(number)), shape().value(Kind::Number, json!(number.to_string())));
        }
    }
}
