//! Events in words: what they are about, what happened to it, and what that means.

use crate::{Words, bundle};

impl Words {
    /// What people call one of a model of the ERP: `Factura de cliente`.
    pub fn noun(&self, model: &str) -> String {
        self.get(&format!("model-{model}"))
    }

    /// What happened to one of this model, in its gender: `cobrada`.
    pub fn verb(&self, model: &str, verb: &str) -> String {
        let id = format!("verb-{verb}");
        let gender = bundle::attribute(self.language, &format!("model-{model}"), "gender");
        let in_gender = gender.and_then(|gender| bundle::attribute(self.language, &id, &gender));
        in_gender.unwrap_or_else(|| self.get(&id))
    }

    /// What that means, in one sentence.
    pub fn meaning(&self, verb: &str) -> String {
        self.get(&format!("meaning-{verb}"))
    }

    /// A column of the ERP: its title as the ERP writes it, and what it holds; nothing for one that we don't know.
    pub fn column(&self, name: &str) -> Option<(String, String)> {
        let id = format!("field-{}", name.replace('_', "-"));
        let meaning = bundle::attribute(self.language, &id, "meaning")?;
        Some((self.get(&id), meaning))
    }
}
