use gancho_model::{Message, address::Allowed};
use serde_json::Value;

use super::Input;

/// Maximum errors reported.
const LISTED_MAX: usize = 100;

/// An error of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, such as `retry.delays_s`.
    pub field: String,
    /// The error.
    pub message: Message,
}

impl FieldError {
    /// An error of this field.
    pub fn new(field: impl Into<String>, message: Message) -> Self {
        Self { field: field.into(), message }
    }
}

/// Context for validation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules<'a> {
    /// Private addresses that webhooks may have.
    pub allowed: Option<&'a Allowed>,
    /// The endpoint's current URL: it stays valid even if the rules have changed.
    pub known_url: Option<&'a str>,
    /// Whether all values are texts, as in a query.
    pub are_texts: bool,
}

/// Collects errors while reading.
#[derive(Debug, Default)]
pub struct Reading<'a> {
    errors: Vec<FieldError>,
    rules: Rules<'a>,
}

impl<'a> Reading<'a> {
    /// Starts reading.
    pub fn new(rules: Rules<'a>) -> Self {
        Self { errors: vec![], rules }
    }

    /// The context for validation.
    pub fn rules(&self) -> &Rules<'a> {
        &self.rules
    }

    /// Adds an error at a path; the empty path is reported as `body`.
    pub fn wrong(&mut self, place: &str, message: Message) {
        if self.errors.len() < LISTED_MAX {
            self.errors.push(FieldError::new(if place.is_empty() { "body" } else { place }, message));
        }
    }

    /// The value of a form's field; adds an error if it is invalid.
    pub fn field<T>(&mut self, field: &str, read: Result<T, Message>) -> Option<T> {
        read.map_err(|message| self.wrong(field, message)).ok()
    }

    /// The input, unless there were errors.
    ///
    /// # Errors
    /// All errors.
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
/// All errors.
pub fn read<T: Input>(value: Value, rules: Rules<'_>) -> Result<T, Vec<FieldError>> {
    let mut reading = Reading::new(rules);
    let read = T::read(value, "", &mut reading);
    reading.finish(read)
}
