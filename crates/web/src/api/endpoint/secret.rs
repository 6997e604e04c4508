use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{EndpointId, SigningSecrets, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// What an endpoint's deliveries are signed with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretView {
    /// The secret. During a rotation the old one.
    pub secret: String,
    /// During a rotation: the new one, and until when both sign.
    pub next: Option<NextView>,
}

/// The new secret of a rotation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NextView {
    secret: String,
    #[schema(value_type = String, format = DateTime)]
    alone_at: Timestamp,
}

impl SecretView {
    pub fn new(secrets: &SigningSecrets, now: Timestamp) -> Self {
        let (current, next) = secrets.at(now);
        let until = secrets.next.as_ref().map(|(_, until)| *until);
        let next = next.zip(until).map(|(next, until)| NextView { secret: next.expose().to_owned(), alone_at: until });
        Self { secret: current.expose().to_owned(), next }
    }
}

/// Shows an endpoint's secret.
#[utoipa::path(get, path = "/endpoints/{id}/secret", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = SecretView)))]
pub(crate) async fn show(State(app): State<Arc<App>>, _: Admin, Id(id): Id<EndpointId>) -> Answer<Json<SecretView>> {
    let endpoint = app.store.endpoint(id).await?;
    Ok(Json(SecretView::new(&endpoint.secrets, app.ambient.now())))
}
