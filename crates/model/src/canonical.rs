//! Canonical JSON: keys sorted, no whitespace, doubles as in RFC 8785 (JCS). Integers are written in full. The same
//! value always gives the same bytes.

use serde_json::Value;

/// Appends the value to `out`.
pub fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_text(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        // serde_json's map is sorted by key unless its feature `preserve_order` is on; a test checks that.
        Value::Object(fields) => {
            out.push(b'{');
            for (n, (key, field)) in fields.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_text(key, out);
                out.push(b':');
                write(field, out);
            }
            out.push(b'}');
        }
    }
}

/// The value as text.
pub fn to_string(value: &Value) -> String {
    let mut out = Vec::new();
    write(value, &mut out);
    String::from_utf8(out).unwrap_or_default() // serde_json's strings are UTF-8
}

/// Appends a JSON string.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing to memory can't fail.
    let _ = serde_json::to_writer(out, text);
}

fn write_number(number: &serde_json::Number, out: &mut Vec<u8>) {
    match number.as_f64() {
        Some(double) if number.is_f64() => out.extend_from_slice(ryu_js::Buffer::new().format(double).as_bytes()),
        _ => out.extend_from_slice(number.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn sorted_and_short() {
        let value = json!({"b": 84.7, "a": [1, 1.0, -0.0, 1e21, 1e-7, 123_456_789_012_345_678u64, null, true], "ñ": "á\"\n\u{1}"});
        assert_eq!(
            super::to_string(&value),
            r#"{"a":[1,1,0,1e+21,1e-7,123456789012345678,null,true],"b":84.7,"ñ":"á\"\n\u0001"}"#
        );
    }

    proptest! {
        #[test]
        fn doubles_survive(double in prop::num::f64::NORMAL) {
            let text = super::to_string(&json!(double));
            prop_assert_eq!(text.parse::<f64>().expect("a number"), double);
            let read: Value = serde_json::from_str(&text).expect("JSON");
            prop_assert_eq!(super::to_string(&read), text);
        }
    }
}
