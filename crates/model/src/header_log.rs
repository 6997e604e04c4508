use serde::{Deserialize, Serialize};

/// Header fields for the log: one text with a line `name: value` per field, in order. An attempt has about twenty; one
/// text needs one allocation instead of forty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderLog(String);

impl HeaderLog {
    /// Empty, with the usual capacity.
    pub fn new() -> Self {
        Self(String::with_capacity(768))
    }

    /// Adds a field. Line breaks become spaces, so that they can't forge another field.
    pub fn push(&mut self, name: &str, value: &str) {
        let start = self.0.len();
        self.0.push_str(name);
        self.0.push_str(": ");
        self.0.push_str(value);
        if self.0[start..].contains(['\n', '\r']) {
            let clean = self.0.split_off(start).replace(['\n', '\r'], " ");
            self.0.push_str(&clean);
        }
        self.0.push('\n');
    }

    /// Name and value, one after the other.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().filter_map(|line| line.split_once(": "))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for HeaderLog {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(fields: T) -> Self {
        let mut head = Self::default();
        fields.into_iter().for_each(|(name, value)| head.push(name, value));
        head
    }
}

#[cfg(test)]
mod tests {
    use super::HeaderLog;

    #[test]
    fn fields_come_out_as_they_went_in() {
        let fields = [("host", "example.com"), ("x-empty", ""), ("x-colon", "a: b"), ("host", "again")];
        let head: HeaderLog = fields.into_iter().collect();
        assert_eq!(head.fields().collect::<Vec<_>>(), fields);
    }

    #[test]
    fn a_value_forges_no_field() {
        let head: HeaderLog = [("x-note", "one\r\nx-forged: two")].into_iter().collect();
        assert_eq!(head.fields().collect::<Vec<_>>(), [("x-note", "one  x-forged: two")]);
    }
}
