use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use gancho_model::BinId;

use crate::{
    App,
    site::ServerAddress,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

/// Removes a bin with its requests.
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<BinId>,
    _: Form,
) -> Response {
    match app.services.remove_bin(id, &visitor.user.name).await {
        Ok(()) => done(&app, "/bins", "bin-removed"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "bins", "bins-title"), &problem.into()),
    }
}

/// Creates a webhook that sends everything there. A server without a public address calls itself at its listening
/// address, which needs no permission.
pub(crate) async fn webhook(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<BinId>,
    headers: HeaderMap,
    _: Form,
) -> Response {
    let own = app.services.allowed.own_origin().filter(|_| app.site.origin.is_none());
    let at = own.unwrap_or_else(|| ServerAddress::of(&app.site, &headers).url);
    match app.services.webhook_of_bin(id, &format!("{at}/bin/{id}"), &visitor.user.name).await {
        Ok(endpoint) => done(&app, &format!("/webhooks/{}?tab=test", endpoint.id), "webhook-created"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "bins", "problem-title"), &problem.into()),
    }
}
