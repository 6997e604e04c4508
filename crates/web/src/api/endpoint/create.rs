use std::{collections::BTreeMap, sync::Arc};

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{Endpoint, EndpointId, Health, RetryPolicy, Secret, SigningSecrets, mask};
use gancho_store::EndpointBacklog;
use serde_json::{Map, Value};

use super::{
    input::{self, EndpointInput},
    view::EndpointView,
};
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        problem::Answer,
    },
    auth::{Admin, Reader},
};

/// Adds an endpoint. Its secret is in the answer, and never again but at `/secret`.
#[utoipa::path(post, path = "/endpoints", tag = "endpoints", request_body = EndpointInput,
    responses((status = 201, body = EndpointView), (status = 422, description = "wrong fields")))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    body: Json,
) -> Answer<(StatusCode, Out<EndpointView>)> {
    let endpoint = make(&app, body.value, &app.who(caller).await).await?;
    let view = EndpointView::new(&endpoint, EndpointBacklog::default(), Reader(caller));
    Ok((StatusCode::CREATED, Out(view.with_secret(&endpoint.secrets.current))))
}

/// Adds the endpoint that this says.
pub(crate) async fn make(app: &App, input: Value, who: &str) -> Answer<Endpoint> {
    let mut errors = Errors::default();
    let endpoint = read(app, input, &mut errors);
    let endpoint = errors.finish(endpoint)?;
    app.store.add_endpoint(endpoint.clone()).await?;
    app.note(who, "endpoint.created", &endpoint.id, called(&endpoint), Map::new()).await;
    Ok(endpoint)
}

/// What people call an endpoint: its name, else its address without secrets.
pub(crate) fn called(endpoint: &Endpoint) -> String {
    endpoint.name.clone().unwrap_or_else(|| mask::url(&endpoint.url))
}

fn read(app: &App, input: Value, errors: &mut Errors) -> Option<Endpoint> {
    let mut fields = Fields::of(input, "", errors)?;
    let now = app.environment.now();
    let url = fields.required("url", input::url(&app.allowed, None));
    let events = fields.required("events", input::events);
    let secret = fields.optional("secret", input::secret);
    let mut endpoint = Endpoint {
        id: EndpointId::new(now, &*app.environment),
        url: url.unwrap_or_default(),
        name: None,
        description: None,
        events: events.unwrap_or_default(),
        sources: vec![],
        enabled: true,
        paused: false,
        headers: BTreeMap::new(),
        timeout_ms: app.limits.attempt_ms,
        retry: RetryPolicy::default(),
        rate_per_s: None,
        max_in_flight: None,
        secrets: SigningSecrets::one(secret.unwrap_or_else(|| new_secret(app))),
        health: Health::default(),
        disabled_reason: None,
        created_at: now,
        updated_at: now,
    };
    input::apply(&mut fields, &mut endpoint);
    fields.end();
    Some(endpoint)
}

pub(crate) fn new_secret(app: &App) -> Secret {
    let mut key = [0; 32];
    app.environment.fill(&mut key);
    Secret::from_bytes(&key)
}
