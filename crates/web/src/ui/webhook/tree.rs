//! The events as a tree for selection: by area, noun and verb.

use gancho_facturascripts::{
    catalogue::{Area, MODELS},
    event_types,
};
use gancho_words::Words;

use crate::ui::form::Form;

/// A business area.
pub(crate) struct Branch {
    pub title: String,
    pub nouns: Vec<Noun>,
}

impl Branch {
    /// Whether any of its events is selected.
    pub fn is_picked(&self, form: &Form) -> bool {
        self.nouns.iter().any(|noun| {
            form.has("events", &noun.pattern) || noun.types.iter().any(|leaf| form.has("events", &leaf.event))
        })
    }
}

/// A noun, all of whose events can be selected at once.
pub(crate) struct Noun {
    pub title: String,
    /// The ERP's class, such as `FacturaCliente`.
    pub model: &'static str,
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

/// The whole catalogue.
pub(crate) fn tree(words: &Words) -> Vec<Branch> {
    AREAS.iter().map(|area| branch(words, *area)).collect()
}

fn branch(words: &Words, area: Area) -> Branch {
    let models = MODELS.iter().filter(|model| model.area == area && !model.noun.is_empty());
    let noun = |model: &gancho_facturascripts::catalogue::Model| {
        let all = event_types::all();
        let own = all.filter(|known| known.model.name == model.name);
        let leaf = |known: event_types::CatalogueType| Leaf {
            event: known.event.to_string(),
            title: words.verb(model.name, known.spoken_verb()),
        };
        let title = words.noun(model.name);
        Noun { title, model: model.name, pattern: format!("{}.*", model.noun), types: own.map(leaf).collect() }
    };
    Branch { title: words.get(&format!("area-{}", area.as_str())), nouns: models.map(noun).collect() }
}

/// Whether a pattern can be selected in the tree.
pub(crate) fn holds(pattern: &str) -> bool {
    pattern == "*"
        || MODELS.iter().any(|model| !model.noun.is_empty() && pattern == format!("{}.*", model.noun))
        || event_types::all().any(|described| described.event.as_str() == pattern)
}
