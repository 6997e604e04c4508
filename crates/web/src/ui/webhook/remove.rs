use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::EndpointId;

use super::names;
use crate::{
    App,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page, page_context::PageContext},
};

#[derive(Template)]
#[template(path = "webhook_remove.html")]
struct RemoveWebhookPage {
    context: PageContext,
    id: EndpointId,
    name: String,
    waiting: u64,
}

/// The effects of removing it.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
) -> Response {
    let context = PageContext::new(&app, &visitor, "webhooks", "webhook-remove-title");
    let known = async {
        let endpoint = app.store.endpoint(id).await?;
        let backlog = app.store.backlogs(vec![id]).await?.pop().unwrap_or_default();
        Ok((endpoint, backlog))
    };
    match known.await {
        Ok((endpoint, backlog)) => {
            page(&RemoveWebhookPage { context, id, name: names(&endpoint).0, waiting: backlog.pending })
        }
        Err(problem) => error::of(context, &gancho_store::StoreError::into(problem)),
    }
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
    _: Form,
) -> Response {
    match app.services.remove_endpoint(id, &visitor.user.name).await {
        Ok(()) => done(&app, "/webhooks", "webhook-removed"),
        Err(error) => error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &error.into()),
    }
}
