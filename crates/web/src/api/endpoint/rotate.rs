use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::EndpointId;
use gancho_service::endpoint::RotationInput;

use super::secret::SecretView;
use crate::{
    App,
    api::{body::OptionalBody, page::Id, problem::Answer},
    auth::Admin,
};

/// Begins changing the secret: for a while both sign. With `finish`, only the new one does from now on.
#[utoipa::path(post, path = "/endpoints/{id}/rotate-secret", tag = "endpoints", params(("id" = String, Path)),
    request_body = Option<RotationInput>, responses((status = 200, body = SecretView), (status = 409, description = "a change is under way")))]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    OptionalBody(input): OptionalBody<RotationInput>,
) -> Answer<Json<SecretView>> {
    let secrets = app.services.rotate_secret(id, input, &app.who(caller).await).await?;
    Ok(Json(SecretView::new(&secrets, app.environment.now())))
}
