use gancho_model::{Message, address::Allowed};
use serde_json::Value;

use super::Input;

/// More wrong fields than a person reads.
const LISTED_MAX: usize = 100;

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Which, such as `retry.delays_s`.
    pub field: String,
    /// What is wrong with it.
    pub message: Message,
}

impl FieldError {
    /// This is wrong with a field.
    pub fn new(field: impl Into<String>, message: Message) -> Self {
        Self { field: field.into(), message }
    }
}

/// What decides beside the value itself whether it is accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    /// Private addresses that webhooks may have.
    pub allowed: Option<&'a Allowed>,
    /// The URL that an endpoint has: it stays as it is, whatever the rules for new ones are today.
    pub known_url: Option<&'a str>,
    /// Whether every value is a text, as in a query.
    pub are_texts: bool,
}

/// Reading under way: wrong fields are gathered.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    errors: Vec<FieldError>,
    rules: Rules<'a>,
}

impl<'a> Reading<'a> {
    /// Begins.
    pub fn new(rules: Rules<'a>) -> Self {
        Self { errors: vec![], rules }
    }

    /// What decides beside the values.
    pub fn rules(&self) -> &Rules<'a> {
        &self.rules
    }

    /// Notes that something is wrong at a place; that of the whole is called `body`.
    pub fn wrong(&mut self, place: &str, message: Message) {
        if self.errors.len() < LISTED_MAX {
            self.errors.push(FieldError::new(if place.is_empty() { "body" } else { place }, message));
        }
    }

    /// What a form's field holds.
    pub fn field<T>(&mut self, field: &str, read: Result<T, Message>) -> Option<T> {
        read.map_err(|message| self.wrong(field, message)).ok()
    }

    /// What was read, unless something was wrong.
    ///
    /// # Errors
    /// Every wrong field.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(self.errors),
        }
    }
}

/// Reads a whole body.
///
/// # Errors
/// Every wrong field.
pub fn read<T: Input>(value: Value, rules: Rules<'_>) -> Result<T, Vec<FieldError>> {
    let mut reading = Reading::new(rules);
    let read = T::read(value, "", &mut reading);
    reading.finish(read)
}
