//! Forms: what was filled in, what was wrong with it.

use gancho_model::Message;
use gancho_words::Words;

use crate::api::problem::Problem;

/// The hidden field.
pub(crate) const TOKEN: &str = "csrf_token";

/// What was filled in, and what was wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    errors: Vec<(String, String)>,
    /// What a system below said, of what was wrong.
    raw: Option<String>,
}

impl Form {
    /// A form filled in by us.
    pub fn filled(fields: Vec<(&str, String)>) -> Self {
        Self {
            fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            errors: vec![],
            raw: None,
        }
    }

    /// As it was sent.
    pub(super) fn sent(fields: Vec<(String, String)>) -> Self {
        Self { fields, errors: vec![], raw: None }
    }

    /// A field's value; empty if it is not there.
    pub fn value(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }

    /// All values of a field.
    pub fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether one of a field's values is this one.
    pub fn has(&self, name: &str, value: impl AsRef<str>) -> bool {
        self.fields.iter().any(|(known, given)| known == name && given == value.as_ref())
    }

    /// What is wrong with a field; empty if nothing is.
    pub fn error(&self, name: &str) -> &str {
        self.errors.iter().find(|(known, _)| known == name).map_or("", |(_, error)| error.as_str())
    }

    /// Whether anything is wrong.
    pub fn is_wrong(&self) -> bool {
        !self.errors.is_empty()
    }

    /// With what was wrong: of `headers.X`, the field is `headers`.
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

    /// What a system below said, of what was wrong.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }

    /// A field that must be filled in.
    pub fn required(&self, name: &str) -> Result<&str, Message> {
        match self.value(name).trim() {
            "" => Err(Message::new("error-required")),
            text => Ok(text),
        }
    }
}
