use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::EndpointId;
use utoipa::ToSchema;

use super::{create, input, secret::SecretView};
use crate::{
    App,
    api::{
        body::OptionalJson,
        fields::{Errors, Fields},
        page::Id,
        problem::{Answer, Problem},
        read,
    },
    auth::Admin,
};

const OVERLAP_S: i64 = 86_400;
const OVERLAP_S_MAX: i64 = 30 * 86_400;

/// How to change a secret.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct Rotation {
    /// How long both sign, seconds; a day if left out, at once if 0.
    overlap_s: Option<u32>,
    /// Ends a rotation that is under way.
    finish: Option<bool>,
    /// A new secret of your own; made if left out.
    secret: Option<String>,
}

/// Begins changing the secret: for a while both sign. With `finish`, only the new one does from now on.
#[utoipa::path(post, path = "/endpoints/{id}/rotate-secret", tag = "endpoints", params(("id" = String, Path)),
    request_body = Option<Rotation>, responses((status = 200, body = SecretView), (status = 409, description = "a change is under way")))]
pub(crate) async fn rotate(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<EndpointId>,
    OptionalJson(body): OptionalJson,
) -> Answer<Json<SecretView>> {
    let mut errors = Errors::default();
    let read = Fields::of(body, "", &mut errors).map(|mut fields| {
        let overlap_s = fields.optional("overlap_s", read::number(0, OVERLAP_S_MAX)).unwrap_or(OVERLAP_S);
        let finish = fields.optional("finish", read::flag).unwrap_or(false);
        let secret = fields.optional("secret", input::secret);
        fields.end();
        (overlap_s, finish, secret)
    });
    let (overlap_s, finish, secret) = errors.finish(read)?;
    let mut endpoint = app.store.endpoint(id).await?;
    let (read_at, now) = (endpoint.updated_at, app.ambient.now());
    let under_way = endpoint.secrets.at(now).1.is_some();
    if under_way && !finish && overlap_s > 0 {
        let detail = "the secret is being changed already: finish that first ({\"finish\":true}), or use overlap_s 0 to replace it at once";
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    if finish {
        endpoint.secrets.finish();
    } else {
        let new = secret.unwrap_or_else(|| create::new_secret(&app));
        endpoint.secrets.rotate(new, now.plus_ms(overlap_s * 1000), now);
    }
    endpoint.updated_at = now;
    let view = SecretView::new(&endpoint.secrets, now);
    app.store.save_endpoint(endpoint, read_at).await?;
    Ok(Json(view))
}
