//! Reading fields one by one, so that every wrong one is named, and unknown ones too.

use gancho_model::Message;
use serde_json::{Map, Value};

use super::problem::{FieldError, Problem};

/// Wrong fields being gathered.
#[derive(Default)]
pub(crate) struct Errors(Vec<FieldError>);

impl Errors {
    pub fn add(&mut self, field: impl Into<String>, message: Message) {
        /// More than a person reads.
        const LISTED_MAX: usize = 100;
        if self.0.len() < LISTED_MAX {
            self.0.push(FieldError::new(field, message));
        }
    }

    /// What was read, unless something was wrong.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(Problem::fields(self.0)),
        }
    }
}

/// An object's fields.
pub(crate) struct Fields<'a> {
    prefix: String,
    left: Map<String, Value>,
    errors: &'a mut Errors,
}

impl<'a> Fields<'a> {
    /// Of the object that stands at this place; `prefix` is empty for the body itself.
    pub fn of(value: Value, prefix: &str, errors: &'a mut Errors) -> Option<Self> {
        match value {
            Value::Object(left) => Some(Self { prefix: prefix.to_owned(), left, errors }),
            _ => {
                let field = if prefix.is_empty() { "body" } else { prefix };
                errors.add(field, Message::new("error-object"));
                None
            }
        }
    }

    fn name(&self, field: &str) -> String {
        if self.prefix.is_empty() { field.to_owned() } else { format!("{}.{field}", self.prefix) }
    }

    pub fn wrong(&mut self, field: &str, message: Message) {
        let name = self.name(field);
        self.errors.add(name, message);
    }

    fn read<T>(&mut self, field: &str, value: Value, read: impl FnOnce(Value) -> Result<T, Message>) -> Option<T> {
        read(value).map_err(|message| self.wrong(field, message)).ok()
    }

    /// A field that must be there.
    pub fn required<T>(&mut self, field: &str, read: impl FnOnce(Value) -> Result<T, Message>) -> Option<T> {
        match self.left.remove(field) {
            None | Some(Value::Null) => {
                self.wrong(field, Message::new("error-required"));
                None
            }
            Some(value) => self.read(field, value, read),
        }
    }

    /// A field that may be left out; null is the same.
    pub fn optional<T>(&mut self, field: &str, read: impl FnOnce(Value) -> Result<T, Message>) -> Option<T> {
        match self.left.remove(field)? {
            Value::Null => None,
            value => self.read(field, value, read),
        }
    }

    /// A field of a change: left out, set to null, or set.
    pub fn changed<T>(&mut self, field: &str, read: impl FnOnce(Value) -> Result<T, Message>) -> Option<Option<T>> {
        match self.left.remove(field)? {
            Value::Null => Some(None),
            value => self.read(field, value, read).map(Some),
        }
    }

    /// An object inside, read with `read`, which gets its fields.
    pub fn inside<T>(&mut self, field: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        let value = self.left.remove(field).filter(|value| !value.is_null())?;
        let name = self.name(field);
        let mut fields = Fields::of(value, &name, self.errors)?;
        let read = read(&mut fields);
        fields.end();
        read
    }

    /// The same, where it must be there.
    pub fn required_inside<T>(&mut self, field: &str, read: impl FnOnce(&mut Fields<'_>) -> Option<T>) -> Option<T> {
        if self.left.get(field).is_none_or(Value::is_null) {
            self.left.remove(field);
            self.wrong(field, Message::new("error-required"));
            return None;
        }
        self.inside(field, read)
    }

    /// Whatever is left is unknown.
    pub fn end(self) {
        for field in self.left.keys() {
            let name = if self.prefix.is_empty() { field.clone() } else { format!("{}.{field}", self.prefix) };
            self.errors.add(name, Message::new("error-unknown"));
        }
    }
}
