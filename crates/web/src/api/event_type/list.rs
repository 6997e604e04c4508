use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header::ACCEPT_LANGUAGE},
};
use gancho_facturascripts::event_types::{self, CatalogueType};
use gancho_model::{EventId, Provenance, render_body};
use gancho_words::{Language, Words, ZONE};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use utoipa::ToSchema;

use crate::{App, api::problem::Answer, auth::Reader, ui::say};

/// A type of event.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventTypeView {
    #[serde(rename = "type")]
    kind: String,
    /// Where it stands in the catalogue: sales, purchases, people, warehouse, users.
    area: &'static str,
    title: String,
    description: String,
    /// A whole body.
    #[schema(value_type = Object)]
    sample: Box<RawValue>,
    /// JSON Schema of the body.
    schema: Value,
}

/// The catalogue. Titles are in Spanish if `Accept-Language` begins with `es`.
#[utoipa::path(get, path = "/event-types", tag = "events", responses((status = 200, body = Vec<EventTypeView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Reader,
    headers: HeaderMap,
) -> Answer<Json<Vec<EventTypeView>>> {
    let language = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let spanish = language.trim_start().to_ascii_lowercase().starts_with("es");
    let words = Words::new(if spanish { Language::Es } else { Language::En }, ZONE);
    Ok(Json(event_types::all().map(|known| view(&app, &known, &words)).collect()))
}

fn view(app: &App, known: &CatalogueType, words: &Words) -> EventTypeView {
    let now = app.environment.now();
    let (data, _) = event_types::sample(&known.event);
    let body = render_body(EventId::new(now, &*app.environment), &known.event, now, data, &Provenance::sample());
    let sample = RawValue::from_string(String::from_utf8_lossy(&body).into_owned());
    EventTypeView {
        kind: known.event.to_string(),
        area: known.model.area.as_str(),
        schema: event_types::schema(known),
        title: say::title(words, &known.event),
        description: words.meaning(known.verb),
        sample: sample.unwrap_or_else(|_| RawValue::NULL.to_owned()),
    }
}
