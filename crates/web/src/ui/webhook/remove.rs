use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::EndpointId;

use super::names;
use crate::{
    App, api,
    ui::{done, error, form::Form, frame::Frame, id::Id, page, visitor::Manager},
};

#[derive(Template)]
#[template(path = "webhook_remove.html")]
struct Page {
    frame: Frame,
    id: EndpointId,
    name: String,
    waiting: u64,
}

/// What removing would do.
pub(crate) async fn ask(State(app): State<Arc<App>>, Manager(visitor): Manager, Id(id): Id<EndpointId>) -> Response {
    let frame = Frame::new(&app, &visitor, "webhooks", "webhook-remove-title");
    let known = async {
        let endpoint = app.store.endpoint(id).await?;
        let standing = app.store.standings(vec![id]).await?.pop().unwrap_or_default();
        Ok((endpoint, standing))
    };
    match known.await {
        Ok((endpoint, standing)) => page(&Page { frame, id, name: names(&endpoint).0, waiting: standing.pending }),
        Err(problem) => error::of(frame, &gancho_store::StoreError::into(problem)),
    }
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Manager(visitor): Manager,
    Id(id): Id<EndpointId>,
    _: Form,
) -> Response {
    match api::endpoint::remove::remove_one(&app, id, &visitor.user.name).await {
        Ok(()) => done(&app, "/webhooks", "webhook-removed"),
        Err(problem) => error::of(Frame::new(&app, &visitor, "webhooks", "problem-title"), &problem),
    }
}
