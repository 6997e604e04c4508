//! Forms: their values and errors.

use gancho_model::Message;
use gancho_words::Words;

use crate::api::problem::Problem;

/// The hidden field.
pub(crate) const TOKEN: &str = "csrf_token";

/// A form's values and errors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    errors: Vec<(String, String)>,
    /// The raw message of an underlying system, about the error.
    raw: Option<String>,
}

impl Form {
    /// A form with these values.
    pub fn filled(fields: Vec<(&str, String)>) -> Self {
        Self {
            fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            errors: vec![],
            raw: None,
        }
    }

    /// A submitted form.
    pub(super) fn sent(fields: Vec<(String, String)>) -> Self {
        Self { fields, errors: vec![], raw: None }
    }

    /// A field's value; empty if missing.
    pub fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values of a field.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether a field has this value.
    pub fn has(&self, name: &str, value: impl AsRef<str>) -> bool {
        self.fields.iter().any(|(known, given)| known == name && given == value.as_ref())
    }

    /// The error of a field; empty if there is none.
    pub fn error(&self, name: &str) -> &str {
        self.errors.iter().find(|(known, _)| known == name).map_or("", |(_, error)| error.as_str())
    }

    /// Whether there are errors.
    pub fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Adds the errors: for `headers.X`, the field is `headers`.
    pub fn refused(mut self, problem: &Problem, words: &Words) -> Self {
        for wrong in problem.errors() {
            self.raw = self.raw.or_else(|| words.raw(&wrong.localized));
            let (field, part) = wrong.field.split_once('.').unwrap_or((&wrong.field, ""));
            let text = words.message(&wrong.localized);
            let text = if part.is_empty() || field == "retry" { text } else { format!("{part}: {text}") };
            self.errors.push((field.to_owned(), text));
        }
        if self.errors.is_empty() {
            let message = problem.sentence().cloned().unwrap_or_else(|| Message::new("problem-broken"));
            self.raw = words.raw(&message);
            self.errors.push((String::new(), words.message(&message)));
        }
        self
    }

    /// The raw message of an underlying system, about the error.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// A required field.
    pub fn required(&self, name: &str) -> Result<&str, Message> {
        match self.value(name).trim() {
            "" => Err(Message::new("error-required")),
            text => Ok(text),
        }
    }
}
