use gancho_model::Message;
use serde_json::{Map, Value};

use super::{Field, reading::Reading};

/// An object's fields, read one by one.
pub struct Fields<'r, 'a> {
    place: String,
    left: Map<String, Value>,
    reading: &'r mut Reading<'a>,
}

impl<'r, 'a> Fields<'r, 'a> {
    /// The fields of the object at a path.
    pub fn of(value: Value, place: &str, reading: &'r mut Reading<'a>) -> Option<Self> {
        match value {
            Value::Object(left) => Some(Self { place: place.to_owned(), left, reading }),
            _ => {
                reading.wrong(place, Message::new("error-object"));
                None
            }
        }
    }

    fn place_of(&self, field: &str) -> String {
        if self.place.is_empty() { field.to_owned() } else { format!("{}.{field}", self.place) }
    }

    /// Adds an error for a field.
    pub fn wrong(&mut self, field: &str, message: Message) {
        self.reading.wrong(&self.place_of(field), message);
    }

    /// The JSON value of a field that was not read yet; null counts as left out.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.left.get(field).filter(|value| !value.is_null())
    }

    /// Reads a field.
    pub fn take<T: Field>(&mut self, field: &str) -> Option<T> {
        let value = self.left.remove(field);
        T::read_field(value, &self.place_of(field), self.reading)
    }

    /// Reports the remaining fields as unknown.
    pub fn end(self) {
        for field in self.left.keys() {
            self.reading.wrong(&self.place_of(field), Message::new("error-unknown"));
        }
    }
}
