//! A strict JSON parser: duplicate keys, and numbers that lose precision, are errors.

use std::{cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Parses one JSON value from UTF-8 bytes. Nesting is limited to 128 levels.
///
/// # Errors
/// The error with its position, without the text.
pub fn parse(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let is_large = Cell::new(false);
    let value = Strict { is_large: &is_large }.deserialize(&mut reader)?;
    reader.end()?;
    if is_large.get() && integers(bytes).any(|digits| !is_kept(digits)) {
        return Err(de::Error::custom("a number is too large to be kept exactly: send it as a text"));
    }
    Ok(value)
}

/// Whether an integer is preserved exactly.
fn is_kept(digits: &[u8]) -> bool {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok()
}

/// The numbers in a valid JSON text that have no decimal point or exponent.
fn integers(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        loop {
            let begin = rest.iter().position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'))?;
            rest = &rest[begin..];
            if rest[0] == b'"' {
                rest = behind_text(rest);
                continue;
            }
            let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
            let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(length);
            rest = behind;
            if !number.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
                return Some(number);
            }
        }
    })
}

/// What follows the string that begins here.
fn behind_text(bytes: &[u8]) -> &[u8] {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return &bytes[at + 1..],
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    &[]
}

/// Numbers from here on may have lost precision: a double represents integers exactly up to 2^53, and integers beyond
/// 64 bits are parsed as doubles.
const LARGE: f64 = 9_223_372_036_854_775_808.0;

#[derive(Clone, Copy)]
struct Strict<'a> {
    /// Whether a number may be an integer beyond 64 bits.
    is_large: &'a Cell<bool>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= LARGE {
            self.is_large.set(true);
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom("a key stands twice in the same object"));
            }
            let value = entries.next_value_seed(self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn strict() {
        assert!(parse(br#"{"a":{"b":[1,-2,3.5,null,true,"x"]}}"#).is_ok());
        assert_eq!(parse(b"18446744073709551615").expect("fits"), u64::MAX);
        assert_eq!(parse(b"-9223372036854775808").expect("fits"), i64::MIN);
        assert_eq!(parse(b"[1e20,1.5e300,-1e25]").expect("doubles"), serde_json::json!([1e20, 1.5e300, -1e25]));
        let text = br#"["12345678901234567890123 \" 1", 1e30]"#;
        assert!(parse(text).is_ok(), "a text may hold any number");
        for bad in [
            &br#"{"a":1,"a":2}"#[..],
            br#"{"a":{"b":1,"b":1}}"#,
            b"1e400",
            b"123456789012345678901234567",
            b"18446744073709551616",
            b"-9223372036854775809",
            b"1234567890123456789012345678901234567890",
            b"-1234567890123456789012345678901234567890",
            br#"{"a\"1.5":["\\",1.5e300,{"b":-9223372036854775809}]}"#,
            b"{} {}",
            b"\xff",
            b"\"\xff\"",
            b"{\"a\":\"\\ud800\"}",
            b"nul",
            b"",
        ] {
            assert!(parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
