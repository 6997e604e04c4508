//! Texts about events: nouns, verbs and their meaning.

use crate::{Words, bundle};

impl Words {
    /// The name of a model of the ERP: `Factura de cliente`.
    pub fn noun(&self, model: &str) -> String {
        self.get(&format!("model-{model}"))
    }

    /// The verb for a model, in its gender: `cobrada`.
    pub fn verb(&self, model: &str, verb: &str) -> String {
        let id = format!("verb-{verb}");
        let gender = bundle::attribute(self.language, &format!("model-{model}"), "gender");
        let in_gender = gender.and_then(|gender| bundle::attribute(self.language, &id, &gender));
        in_gender.unwrap_or_else(|| self.get(&id))
    }

    /// The meaning of a verb, in one sentence.
    pub fn meaning(&self, verb: &str) -> String {
        self.get(&format!("meaning-{verb}"))
    }

    /// A column of the ERP: its title in the ERP, and its meaning; `None` if unknown.
    pub fn column(&self, name: &str) -> Option<(String, String)> {
        let id = format!("field-{}", name.replace('_', "-"));
        let meaning = bundle::attribute(self.language, &id, "meaning")?;
        Some((self.get(&id), meaning))
    }
}
