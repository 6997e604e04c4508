use std::collections::BTreeMap;

use gancho_model::Origin;
use gancho_store::EventFilter;
use serde_json::Value;

use crate::{App, ui::form::Form};

/// Newest events whose origins are offered.
const EVENTS: usize = 500;

/// An origin that can be ignored.
pub(crate) struct OriginChoice {
    /// `api:3`
    pub reference: String,
    /// Its display name; empty if unknown.
    pub name: String,
}

/// The ERPs' users and API keys, origins of the latest events, and those already selected.
pub(super) async fn choices(app: &App, form: &Form) -> Vec<OriginChoice> {
    let found = app.store.recent(None, EventFilter::default(), EVENTS).await;
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for event in found.map(|page| page.items).unwrap_or_default() {
        let body: Value = serde_json::from_slice(&event.body).unwrap_or_default();
        if let Some(origin) = Origin::of_body(&body) {
            let reference = origin.reference().as_str().to_owned();
            names.entry(reference).or_insert_with(|| origin.name.unwrap_or_default());
        }
    }
    for source in app.store.sources().await.unwrap_or_default() {
        for writer in app.services.sources.status(source.id).unwrap_or_default().writers {
            names.entry(writer.reference().as_str().to_owned()).or_insert_with(|| writer.name.unwrap_or_default());
        }
    }
    for chosen in form.values("ignore_origins") {
        names.entry(chosen.to_owned()).or_default();
    }
    names.into_iter().map(|(reference, name)| OriginChoice { reference, name }).collect()
}
