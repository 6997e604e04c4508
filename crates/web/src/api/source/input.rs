//! What people say of a source, checked.

use gancho_facturascripts::{secrets, shape::Shape};
use gancho_model::{Message, Secret, Source, SourceKind, target};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::{fields::Fields, read};

/// A source to be made, or what is to be changed of one.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct SourceInput {
    name: Option<String>,
    /// `plugin`, `api` or `database`. Only when it is made.
    kind: Option<String>,
    /// Where the ERP is; of a database `mysql://USER:PASSWORD@HOST/DATABASE`, or `postgres://…`.
    url: Option<String>,
    /// Of an API: its key, which may read what is to be heard.
    key: Option<String>,
    /// An IANA name; `Europe/Madrid` if left out.
    time_zone: Option<String>,
    /// Models or tables that make events; those of the catalogue if left out.
    models: Option<Vec<String>>,
    /// Only when a database is made: show what would be put into it, and do nothing.
    dry_run: Option<bool>,
}

pub(crate) fn apply(fields: &mut Fields<'_>, source: &mut Source) {
    let old = source.url.clone();
    if let Some(url) = fields.changed("url", read::text(1, 2000)) {
        source.url = url.map(Secret::new);
    }
    let leads_elsewhere = match (&old, &source.url) {
        (Some(old), Some(new)) => !target::is_same_origin(old.expose(), new.expose()),
        _ => false,
    };
    match fields.changed("key", read::text(1, 500)) {
        Some(key) => source.key = key.map(Secret::new),
        // A key is shown to nobody but the ERP that it was entered for.
        None if source.kind == SourceKind::Api && leads_elsewhere => source.key = None,
        None => {}
    }
    if let Some(zone) = fields.optional("time_zone", zone) {
        source.time_zone = zone;
    }
    if let Some(models) = fields.changed("models", read::list(1, 500, model)) {
        source.models = models;
    }
}

fn zone(value: Value) -> Result<String, Message> {
    let zone = read::text(1, 100)(value)?;
    Shape::new(&zone).map(|_| zone).map_err(|_| Message::new("error-zone"))
}

fn model(value: Value) -> Result<String, Message> {
    let name = read::text(1, 100)(value)?;
    if secrets::is_secret_model(&name) {
        return Err(Message::new("error-secret-model").with("name", name));
    }
    Ok(name)
}
