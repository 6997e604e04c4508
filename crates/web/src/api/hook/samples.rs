use std::sync::Arc;

use axum::{Json, body::Bytes, extract::State};
use gancho_facturascripts::event_types;
use gancho_model::{EventId, EventType, Pattern, Provenance, render_body};
use gancho_service::input::Subscription;
use gancho_store::EventFilter;
use serde_json::{Value, value::RawValue};

use crate::{
    App,
    api::{page::Query, problem::Answer},
    auth::Reader,
};

/// Events that are shown.
const SHOWN: usize = 3;

gancho_service::input! {
    /// Of which type.
    pub struct SamplesQuery {
        /// A type or pattern.
        pub event: Subscription,
    }
}

/// What deliveries of a type look like: the latest events, or a sample where there is none; a plain list, as automation
/// services want it.
#[utoipa::path(get, path = "/hooks/samples", tag = "hooks", params(SamplesQuery), responses((status = 200, body = Vec<Object>)))]
pub(crate) async fn samples(
    State(app): State<Arc<App>>,
    _: Reader,
    Query(query): Query<SamplesQuery>,
) -> Answer<Json<Vec<Box<RawValue>>>> {
    let pattern: Pattern = query.event.0;
    let filter = EventFilter { types: vec![pattern.clone()], ..EventFilter::default() };
    let found = app.store.recent(None, filter, SHOWN).await?.items;
    let mut bodies: Vec<Bytes> = found.into_iter().map(|event| event.body).collect();
    if bodies.is_empty() {
        let known = event_types::all().map(|known| known.event).find(|event| pattern.matches(event));
        let event = known.or_else(|| EventType::parse(pattern.as_str()).ok());
        bodies.extend(event.map(|event| {
            let (data, now) = (event_types::sample(&event).0, app.environment.now());
            render_body(EventId::new(now, &*app.environment), &event, now, data, &Provenance::sample())
        }));
    }
    let raw = |body: &Bytes| RawValue::from_string(String::from_utf8_lossy(body).into_owned());
    let null = |_| RawValue::from_string(Value::Null.to_string()).unwrap_or_default();
    Ok(Json(bodies.iter().map(|body| raw(body).unwrap_or_else(null)).collect()))
}
