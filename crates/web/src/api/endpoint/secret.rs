use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::{EndpointId, Secret, SigningSecrets, Timestamp};
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
    /// The secret; while it is being changed, the new one.
    pub secret: String,
    /// While it is being changed: the old one, which still signs.
    pub previous: Option<String>,
    /// While it is being changed: until when both sign.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub both_until: Option<Timestamp>,
}

impl SecretView {
    pub fn new(secrets: &SigningSecrets, now: Timestamp) -> Self {
        let text = |secret: &Secret| secret.expose().to_owned();
        match (secrets.at(now), &secrets.next) {
            ((old, Some(new)), Some((_, until))) => {
                Self { secret: text(new), previous: Some(text(old)), both_until: Some(*until) }
            }
            ((only, _), _) => Self { secret: text(only), previous: None, both_until: None },
        }
    }
}

/// Shows an endpoint's secret.
#[utoipa::path(get, path = "/endpoints/{id}/secret", tag = "endpoints", params(("id" = String, Path)),
    responses((status = 200, body = SecretView)))]
pub(crate) async fn show(State(app): State<Arc<App>>, _: Admin, Id(id): Id<EndpointId>) -> Answer<Json<SecretView>> {
    let endpoint = app.store.endpoint(id).await?;
    Ok(Json(SecretView::new(&endpoint.secrets, app.environment.now())))
}
