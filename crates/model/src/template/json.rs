//! Serializes a template's value as JSON with limits: a few characters of Jinja create values of any size and depth,
//! which cost nothing until they are written.

use minijinja::{Error, ErrorKind, State, Value as JinjaValue, value::ValueKind};

/// Maximum nesting of a value.
const DEPTH_MAX: usize = 64;

/// The JSON of a value; each nested value costs a unit of fuel, and so do every 64 bytes.
///
/// # Errors
/// If it is nested too deeply, costs more fuel than is left, or can't be represented in JSON.
pub(super) fn json<'a>(state: &'a State<'a, 'a>, value: &JinjaValue) -> Result<String, Error> {
    let mut writer = Writer { state, text: String::new(), charged: 0 };
    writer.value(value, 0)?;
    Ok(writer.text)
}

struct Writer<'a> {
    state: &'a State<'a, 'a>,
    text: String,
    /// Bytes already charged.
    charged: usize,
}

impl Writer<'_> {
    fn value(&mut self, value: &JinjaValue, depth: usize) -> Result<(), Error> {
        let written = self.text.len() - self.charged;
        self.charged = self.text.len();
        self.state.consume_fuel(1 + written as u64 / 64)?;
        if depth > DEPTH_MAX {
            return Err(Error::new(ErrorKind::BadSerialization, "it is nested too deep"));
        }
        match value.kind() {
            ValueKind::Map => self.map(value, depth),
            ValueKind::Seq | ValueKind::Iterable => self.list(value, depth),
            ValueKind::Plain | ValueKind::Invalid => {
                Err(Error::new(ErrorKind::BadSerialization, "it can't be written as JSON"))
            }
            _ => {
                let written = serde_json::to_string(value).map_err(|error| {
                    Error::new(ErrorKind::BadSerialization, "it can't be written as JSON").with_source(error)
                })?;
                self.text.push_str(&written);
                Ok(())
            }
        }
    }

    fn list(&mut self, list: &JinjaValue, depth: usize) -> Result<(), Error> {
        self.text.push('[');
        for (n, item) in list.try_iter()?.enumerate() {
            if n > 0 {
                self.text.push(',');
            }
            self.value(&item, depth + 1)?;
        }
        self.text.push(']');
        Ok(())
    }

    fn map(&mut self, map: &JinjaValue, depth: usize) -> Result<(), Error> {
        self.text.push('{');
        for (n, key) in map.try_iter()?.enumerate() {
            if n > 0 {
                self.text.push(',');
            }
            let name = key.as_str().map_or_else(|| key.to_string(), ToOwned::to_owned);
            self.text.push_str(&serde_json::Value::from(name).to_string());
            self.text.push(':');
            self.value(&map.get_item(&key)?, depth + 1)?;
        }
        self.text.push('}');
        Ok(())
    }
}
