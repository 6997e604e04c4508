use std::sync::Arc;

use axum::{Json as Out, extract::State};
use gancho_model::{EndpointId, Message, target};

use serde_json::Value;

use super::{
    create::called,
    input::{self, EndpointInput},
    show,
    view::EndpointView,
};
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        page::Id,
        problem::Answer,
    },
    auth::{Admin, Reader},
};

/// Changes what is given; null clears what may be empty. Where the URL leads to another origin (scheme, host, port),
/// header fields that are not given with it are dropped: `dropped` names them.
#[utoipa::path(patch, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)),
    request_body = EndpointInput,
    responses((status = 200, body = EndpointView), (status = 409, description = "changed by somebody else meanwhile")))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    body: Json,
) -> Answer<Out<EndpointView>> {
    let dropped = apply(&app, id, body.value, &app.who(caller).await).await?;
    let mut view = show::view(&app, id, Reader(caller)).await?;
    view.dropped = dropped;
    Ok(Out(view))
}

/// Changes what this says; returns the header fields that were dropped.
pub(crate) async fn apply(app: &App, id: EndpointId, input: Value, who: &str) -> Answer<Vec<String>> {
    let known = app.store.endpoint(id).await?;
    let (mut endpoint, read_at) = (known.clone(), known.updated_at);
    let mut errors = Errors::default();
    let read = Fields::of(input, "", &mut errors).map(|mut fields| {
        if let Some(url) = fields.optional("url", input::url(&app.allowed, Some(&known.url))) {
            if !target::is_same_origin(&known.url, &url) {
                // What opens one door must not be shown at another.
                endpoint.headers.clear();
            }
            endpoint.url = url;
        }
        if let Some(events) = fields.optional("events", input::events) {
            endpoint.events = events;
        }
        if fields.optional("secret", Ok).is_some() {
            fields.wrong("secret", Message::new("error-rotate"));
        }
        input::apply(&mut fields, &mut endpoint);
        fields.end();
        endpoint
    });
    let mut endpoint = errors.finish(read)?;
    endpoint.updated_at = app.environment.now();
    app.store.save_endpoint(endpoint.clone(), read_at).await?;
    let changed = EndpointView::difference(&known, &endpoint);
    if !changed.is_empty() {
        app.note(who, "endpoint.changed", &id, called(&endpoint), changed).await;
    }
    if target::is_same_origin(&known.url, &endpoint.url) {
        return Ok(vec![]);
    }
    let is_kept = |name: &String| endpoint.headers.keys().any(|kept| kept.eq_ignore_ascii_case(name));
    Ok(known.headers.into_keys().filter(|name| !is_kept(name)).map(|name| format!("headers.{name}")).collect())
}
