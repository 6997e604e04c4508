use gancho_model::{Message, Secret, Source, SourceKind, target};
use url::Url;

use crate::input::{FieldError, Fields, List, Patch, Text, WatchedModel, ZoneName, input};

/// Models or tables that make events.
type Models = List<WatchedModel, 1, 500>;

input! {
    /// A source to be made.
    pub struct NewSource {
        /// What people call it.
        pub name: Text<1, 100>,
        /// How the ERP is connected: `plugin`, `api` or `database`.
        pub kind: SourceKind,
        /// Where the ERP is, needed but for a plugin; of a database `mysql://USER:PASSWORD@HOST/DATABASE`, or `postgres://…`.
        pub url: Option<Text<1, 2000>>,
        /// Of an API, and needed there: its key, which may read what is watched.
        pub key: Option<Text<1, 500>>,
        /// An IANA name; `Europe/Madrid` if left out.
        pub time_zone: Option<ZoneName>,
        /// Models or tables that make events; those of the catalogue if left out.
        pub models: Option<Models>,
        /// Only of a database: show what would be put into it, and do nothing.
        pub dry_run: Option<bool>,
    }
    check needs_of_kind;
}

input! {
    /// What is to be changed of a source. What is left out stays as it is; null clears what may be empty.
    pub struct SourcePatch {
        /// What people call it.
        pub name: Option<Text<1, 100>>,
        /// Where the ERP is. If it leads to another origin (scheme, host, port), the key of its API is dropped unless
        /// it is given with it.
        pub url: Patch<Text<1, 2000>>,
        /// Of an API: its key.
        pub key: Patch<Text<1, 500>>,
        /// An IANA name.
        pub time_zone: Option<ZoneName>,
        /// Whether it is stopped: nothing is taken from the ERP, where what happens waits. A plugin is answered 503.
        pub paused: Option<bool>,
        /// Models or tables that make events; null for those of the catalogue.
        pub models: Patch<Models>,
    }
}

fn needs_of_kind(fields: &mut Fields<'_, '_>) {
    let text = |field| fields.get(field).and_then(|value| value.as_str());
    let Some(kind) = text("kind").and_then(SourceKind::parse) else { return };
    let is_dry = fields.get("dry_run").is_some_and(|value| value == true);
    for FieldError { field, message } in missing_of_kind(kind, text("url"), fields.get("key").is_some(), is_dry) {
        fields.wrong(&field, message);
    }
}

/// Missing fields that a source of this kind requires.
fn missing_of_kind(kind: SourceKind, url: Option<&str>, has_key: bool, is_dry: bool) -> Vec<FieldError> {
    let is_web = |url: &str| Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let wrong = |is_wrong: bool, field, message| is_wrong.then(|| FieldError::new(field, Message::new(message)));
    let (is_api, is_database) = (kind == SourceKind::Api, kind == SourceKind::Database);
    let all = [
        wrong(is_database && url.is_none(), "url", "error-database-url"),
        wrong(is_api && !url.is_some_and(is_web), "url", "error-erp-url"),
        wrong(is_api && !has_key, "key", "error-erp-key"),
        wrong(is_dry && !is_database, "dry_run", "error-dry-run"),
    ];
    all.into_iter().flatten().collect()
}

impl NewSource {
    /// Missing fields of its kind; none if it was read from JSON.
    pub fn missing(&self) -> Vec<FieldError> {
        let url = self.url.as_ref().map(|url| url.0.as_str());
        missing_of_kind(self.kind, url, self.key.is_some(), self.dry_run.unwrap_or(false))
    }
}

impl SourcePatch {
    /// Applies the changes to a source.
    pub(super) fn apply(self, source: &mut Source) {
        let old = source.url.clone();
        if let Some(name) = self.name {
            source.name = name.0;
        }
        self.url.apply(&mut source.url, |url| Secret::new(url.0));
        let leads_elsewhere = match (&old, &source.url) {
            (Some(old), Some(new)) => !target::is_same_origin(old.expose(), new.expose()),
            _ => false,
        };
        match self.key {
            // A key is sent only to the ERP that it was entered for.
            Patch::Keep if source.kind == SourceKind::Api && leads_elsewhere => source.key = None,
            key => key.apply(&mut source.key, |key| Secret::new(key.0)),
        }
        if let Some(zone) = self.time_zone {
            source.time_zone = zone.0;
        }
        if let Some(paused) = self.paused {
            source.paused = paused;
        }
        self.models.apply(&mut source.models, |models| models.0.into_iter().map(|model| model.0).collect());
    }
}
