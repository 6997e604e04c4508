//! The catalogue: what there is, what it means, and a real last example.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use gancho_facturascripts::{catalogue::Model, columns, event_types, secrets};
use gancho_model::{Endpoint, EventId, EventType, Said, render_body};
use gancho_store::EventFilter;
use gancho_words::Language;
use serde_json::Value;

use super::{
    error,
    frame::Frame,
    page, say,
    visitor::Visitor,
    webhook::{
        names,
        tree::{self, Branch},
    },
};
use crate::{
    App,
    api::problem::{Answer, Problem},
};

#[derive(Template)]
#[template(path = "catalogue.html")]
struct Page {
    frame: Frame,
    tree: Vec<Branch>,
}

pub(crate) async fn list(State(app): State<Arc<App>>, visitor: Visitor) -> Response {
    let frame = Frame::new(&app, &visitor, "catalogue", "catalogue-title");
    page(&Page { tree: tree::tree(&frame.words), frame })
}

/// A column of the record.
struct Field {
    name: String,
    kind: String,
    meaning: String,
}

#[derive(Template)]
#[template(path = "catalogue_event.html")]
struct EventPage {
    frame: Frame,
    event: String,
    description: String,
    fields: Vec<Field>,
    sample: String,
    is_real: bool,
    webhooks: Vec<(String, String)>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: Visitor, Path(event): Path<String>) -> Response {
    let frame = Frame::new(&app, &visitor, "catalogue", "catalogue-title");
    match read(&app, &frame, &event).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

async fn read(app: &App, frame: &Frame, event: &str) -> Answer<EventPage> {
    let described = event_types::all().find(|described| described.event.as_str() == event);
    let missing = || Problem::said(StatusCode::NOT_FOUND, Said::plain("problem-missing"));
    let described = described.ok_or_else(missing)?;
    let spanish = frame.words.language() == Language::Es;
    let (sample, is_real) = sample(app, &described.event).await?;
    let endpoints = app.store.all_endpoints().await?;
    Ok(EventPage {
        frame: frame.clone().titled(say::title(&frame.words, &described.event)),
        event: event.to_owned(),
        description: if spanish { described.description.0 } else { described.description.1 },
        fields: described.model.map(|model| fields(frame, model)).unwrap_or_default(),
        sample,
        is_real,
        webhooks: endpoints.iter().map(|endpoint: &Endpoint| (endpoint.id.to_string(), names(endpoint).0)).collect(),
    })
}

/// The last real one of this installation, or else a sample.
async fn sample(app: &App, event: &EventType) -> Answer<(String, bool)> {
    let types = gancho_model::Pattern::parse(event.as_str()).into_iter().collect();
    let filter = EventFilter { types, ..EventFilter::default() };
    let real = app.store.recent(None, filter, 1).await?.items.pop();
    let is_real = real.is_some();
    let body = real.map(|event| event.body).unwrap_or_else(|| {
        let now = app.ambient.now();
        let (data, _) = event_types::sample(event);
        render_body(EventId::new(now, &*app.ambient), event, now, data, None, true)
    });
    let parsed: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok((serde_json::to_string_pretty(&parsed).unwrap_or_default(), is_real))
}

fn fields(frame: &Frame, model: &Model) -> Vec<Field> {
    let Some(table) = columns::find(model.name) else { return vec![] };
    let shown = table.columns.iter().filter(|(name, _)| !secrets::is_secret(model.name, name));
    let mut fields: Vec<Field> = shown
        .map(|(name, kind)| {
            let id = format!("field-{}", name.replace('_', "-"));
            Field {
                name: (*name).to_owned(),
                kind: frame.words.get(&format!("kind-{}", format!("{kind:?}").to_lowercase())),
                meaning: if frame.words.has(&id) { frame.words.get(&id) } else { String::new() },
            }
        })
        .collect();
    // What has a meaning first.
    fields.sort_by(|a, b| (a.meaning.is_empty(), &a.name).cmp(&(b.meaning.is_empty(), &b.name)));
    fields
}
