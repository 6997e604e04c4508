//! The events as a person picks them: by area, by thing, by what happened to it.

use gancho_facturascripts::{
    catalogue::{Area, MODELS},
    event_types,
};
use gancho_words::{Language, Words};

use crate::ui::form::Form;

/// A part of the business.
pub(crate) struct Branch {
    pub title: String,
    pub nouns: Vec<Noun>,
}

impl Branch {
    /// Whether anything of it is picked.
    pub fn is_picked(&self, form: &Form) -> bool {
        self.nouns.iter().any(|noun| {
            form.has("events", &noun.pattern) || noun.types.iter().any(|leaf| form.has("events", &leaf.event))
        })
    }
}

/// A thing, all of whose events may be picked at once.
pub(crate) struct Noun {
    pub title: String,
    /// `invoice.*`
    pub pattern: String,
    pub types: Vec<Leaf>,
}

/// A type.
pub(crate) struct Leaf {
    pub event: String,
    pub title: String,
}

const AREAS: [Area; 5] = [Area::Sales, Area::Purchases, Area::People, Area::Warehouse, Area::Users];

/// All of the catalogue.
pub(crate) fn tree(words: &Words) -> Vec<Branch> {
    AREAS.iter().map(|area| branch(words, *area)).collect()
}

fn branch(words: &Words, area: Area) -> Branch {
    let spanish = words.language() == Language::Es;
    let models = MODELS.iter().filter(|model| model.area == area && !model.noun.is_empty());
    let noun = |model: &gancho_facturascripts::catalogue::Model| {
        let all = event_types::all();
        let own = all.filter(|described| described.model.is_some_and(|of| of.name == model.name));
        let leaf = |described: event_types::Described| {
            let verb = event_types::spoken(&described.event).map(|spoken| spoken.verb).unwrap_or_default();
            Leaf { event: described.event.to_string(), title: if spanish { verb.0 } else { verb.1 } }
        };
        Noun {
            title: if spanish { model.title.0 } else { model.title.1 }.to_owned(),
            pattern: format!("{}.*", model.noun),
            types: own.map(leaf).collect(),
        }
    };
    Branch { title: words.get(&format!("area-{}", area.as_str())), nouns: models.map(noun).collect() }
}

/// Whether a pattern can be picked in the tree.
pub(crate) fn holds(pattern: &str) -> bool {
    pattern == "*"
        || MODELS.iter().any(|model| !model.noun.is_empty() && pattern == format!("{}.*", model.noun))
        || event_types::all().any(|described| described.event.as_str() == pattern)
}
