use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_model::{EndpointId, Message, Secret};
use serde_json::Map;
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
    Admin(caller): Admin,
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
    let change = if finish { Change::Finish } else { Change::Begin { overlap_s, secret } };
    turn(&app, id, change, &app.who(caller).await).await.map(Json)
}

/// How a secret is changed.
pub(crate) enum Change {
    /// Only the new one signs from now on.
    Finish,
    /// A new one signs beside the old one for so long, seconds.
    Begin {
        overlap_s: i64,
        /// Made if it is not given.
        secret: Option<Secret>,
    },
}

/// Changes an endpoint's secret.
pub(crate) async fn turn(app: &App, id: EndpointId, change: Change, who: &str) -> Answer<SecretView> {
    let mut endpoint = app.store.endpoint(id).await?;
    let (read_at, now) = (endpoint.updated_at, app.environment.now());
    let under_way = endpoint.secrets.at(now).1.is_some();
    if under_way && matches!(change, Change::Begin { overlap_s: 1.., .. }) {
        return Err(Problem::localized(StatusCode::CONFLICT, Message::new("conflict-rotation")));
    }
    let action = match change {
        Change::Finish => {
            endpoint.secrets.finish();
            "endpoint.secret_finished"
        }
        Change::Begin { overlap_s, secret } => {
            let new = secret.unwrap_or_else(|| create::new_secret(app));
            endpoint.secrets.rotate(new, now.plus_ms(overlap_s * 1000), now);
            "endpoint.secret_changed"
        }
    };
    endpoint.updated_at = now;
    let view = SecretView::new(&endpoint.secrets, now);
    let name = create::called(&endpoint);
    app.store.save_endpoint(endpoint, read_at).await?;
    app.note(who, action, &id, name, Map::new()).await;
    Ok(view)
}
