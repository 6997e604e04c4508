//! The catalogue: event types with their meaning and a recent example.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use gancho_facturascripts::{catalogue::Model, columns, event_types, secrets};
use gancho_model::{Endpoint, EventId, EventType, Message, Provenance, render_body};
use gancho_store::EventFilter;
use serde_json::Value;

use super::{
    current_user::CurrentUser,
    draw, error, page,
    page_context::PageContext,
    say,
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
struct CataloguePage {
    context: PageContext,
    tree: Vec<Branch>,
}

pub(crate) async fn list(State(app): State<Arc<App>>, visitor: CurrentUser) -> Response {
    let context = PageContext::new(&app, &visitor, "catalogue", "catalogue-title");
    page(&CataloguePage { tree: tree::tree(&context.words), context })
}

/// The most requested types.
const FIRST: &[&str] = &[
    "codigo",
    "nombre",
    "nombrecliente",
    "cifnif",
    "fecha",
    "total",
    "neto",
    "totaliva",
    "pagada",
    "pagado",
    "importe",
    "vencimiento",
    "referencia",
    "descripcion",
    "cantidad",
    "email",
];

/// A column of the record.
struct Field {
    name: String,
    /// Its title in the ERP.
    title: String,
    kind: String,
    meaning: String,
}

#[derive(Template)]
#[template(path = "catalogue_event.html")]
struct CatalogueEventPage {
    context: PageContext,
    event: String,
    description: String,
    fields: Vec<Field>,
    sample: String,
    json: String,
    is_real: bool,
    webhooks: Vec<(String, String)>,
}

pub(crate) async fn show(State(app): State<Arc<App>>, visitor: CurrentUser, Path(event): Path<String>) -> Response {
    let context = PageContext::new(&app, &visitor, "catalogue", "catalogue-title");
    match read(&app, &context, &event).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

async fn read(app: &App, context: &PageContext, event: &str) -> Answer<CatalogueEventPage> {
    let known = EventType::parse(event).ok().and_then(|event| event_types::known_type(&event));
    let missing = || Problem::localized(StatusCode::NOT_FOUND, Message::new("problem-missing"));
    let known = known.ok_or_else(missing)?;
    let (sample, is_real) = sample(app, &known.event).await?;
    let endpoints = app.store.all_endpoints().await?;
    Ok(CatalogueEventPage {
        context: context.clone().titled(say::title(&context.words, &known.event)),
        event: event.to_owned(),
        description: context.words.meaning(known.verb),
        fields: fields(context, known.model),
        json: draw::json(&serde_json::from_str(&sample).unwrap_or(Value::Null)),
        sample,
        is_real,
        webhooks: endpoints.iter().map(|endpoint: &Endpoint| (endpoint.id.to_string(), names(endpoint).0)).collect(),
    })
}

/// The last event of this installation, otherwise a sample.
async fn sample(app: &App, event: &EventType) -> Answer<(String, bool)> {
    let types = gancho_model::Pattern::parse(event.as_str()).into_iter().collect();
    let filter = EventFilter { types, ..EventFilter::default() };
    let real = app.store.recent(None, filter, 1).await?.items.pop();
    let is_real = real.is_some();
    let body = real.map(|event| event.body).unwrap_or_else(|| {
        let now = app.environment.now();
        let (data, _) = event_types::sample(event);
        render_body(EventId::new(now, &*app.environment), event, now, data, &Provenance::sample())
    });
    let parsed: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok((serde_json::to_string_pretty(&parsed).unwrap_or_default(), is_real))
}

fn fields(context: &PageContext, model: &Model) -> Vec<Field> {
    let Some(table) = columns::find(model.name) else { return vec![] };
    let shown = table.columns.iter().filter(|(name, _)| !secrets::is_secret(model.name, name));
    let mut fields: Vec<Field> = shown
        .map(|(name, kind)| {
            let (title, meaning) = context.words.column(name).unwrap_or_default();
            let kind = context.words.get(&format!("kind-{}", format!("{kind:?}").to_lowercase()));
            Field { name: (*name).to_owned(), title, kind, meaning }
        })
        .collect();
    fields.sort_by_key(|field| (!FIRST.contains(&field.name.as_str()), field.name.clone()));
    fields
}
