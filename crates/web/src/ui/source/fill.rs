//! Between the forms of a source and what is done with it.

use gancho_model::{Message, SourceKind};
use gancho_service::{
    input::{FieldError, List, Patch, Reading, Rules, Text, WatchedModel, ZoneName},
    source::{NewSource, SourcePatch},
};

use crate::ui::form::Form;

/// Models or tables; nothing for those of the catalogue.
type Models = Option<List<WatchedModel, 1, 500>>;

/// A new source, as it was filled in.
pub(super) fn new_source(form: &Form) -> Result<NewSource, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let name = reading.field("name", form.required("name").and_then(Text::new));
    let kind = SourceKind::parse(form.value("kind")).ok_or_else(|| Message::new("error-kind"));
    let kind = reading.field("kind", kind);
    let url = reading.field("url", Text::filled(form.value("url")));
    let key = reading.field("key", Text::filled(form.value("key")));
    let zone = reading.field("time_zone", zone(form));
    let models = reading.field("models", models(form));
    let new = || {
        let dry_run = form.has("act", "plan").then_some(true);
        Some(NewSource { name: name?, kind: kind?, url: url?, key: key?, time_zone: zone?, models: models?, dry_run })
    };
    reading.finish(new())
}

/// What is changed of a source, as it was filled in: an address or key that is left empty stays as it is.
pub(super) fn patch(form: &Form) -> Result<SourcePatch, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let name = reading.field("name", Text::filled(form.value("name")));
    let url = reading.field("url", Text::filled(form.value("url")));
    let key = reading.field("key", Text::filled(form.value("key")));
    let zone = reading.field("time_zone", zone(form));
    let models = reading.field("models", models(form));
    let patch = || {
        Some(SourcePatch {
            paused: None,
            name: name?,
            url: url?.map_or(Patch::Keep, Patch::Set),
            key: key?.map_or(Patch::Keep, Patch::Set),
            time_zone: zone?,
            models: Patch::filled(models?),
        })
    };
    reading.finish(patch())
}

fn zone(form: &Form) -> Result<Option<ZoneName>, Message> {
    match form.value("time_zone").trim() {
        "" => Ok(None),
        text => ZoneName::new(text).map(Some),
    }
}

fn models(form: &Form) -> Result<Models, Message> {
    let models = form.value("models").split([',', '\n', ' ']).map(str::trim).filter(|model| !model.is_empty());
    let models: Vec<&str> = models.collect();
    if models.is_empty() { Ok(None) } else { List::read_each(models.into_iter(), WatchedModel::new).map(Some) }
}
