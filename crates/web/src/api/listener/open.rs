use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_service::listener::NewListener;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

/// A listener that is open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListenerView {
    /// The webhook under which the log shows what it forwarded, `ep_…`
    id: String,
    /// What its events are signed with.
    secret: String,
    /// The sequence number up to which it has forwarded events.
    position: u64,
    /// How many events of the feed came after it, whether or not it asks for them.
    behind: u64,
    /// Whether it goes on where the one of this name stopped.
    resumed: bool,
}

/// Opens a listener for `gancho listen`: a new one, or the one of this name where it stopped.
#[utoipa::path(post, path = "/listeners", tag = "listeners", request_body = NewListener,
    responses((status = 200, body = ListenerView), (status = 409, description = "there are too many consumers, or it was changed at the same moment")))]
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(new): Body<NewListener>,
) -> Answer<Json<ListenerView>> {
    let listener = app.services.open_listener(new, &app.who(caller).await).await?;
    let last = *app.store.watch().borrow();
    Ok(Json(ListenerView {
        id: listener.id.to_string(),
        secret: listener.secret.expose().to_owned(),
        position: listener.position,
        resumed: listener.is_resumed,
        behind: last.saturating_sub(listener.position),
    }))
}
