use std::sync::Arc;

use axum::{Json as Out, extract::State};
use gancho_model::EndpointId;
use gancho_service::{endpoint::EndpointPatch, input};

use super::{show, view::EndpointView};
use crate::{
    App,
    api::{body::Json, page::Id, problem::Answer},
    auth::{Admin, Reader},
};

/// Changes what is given; null clears what may be empty. Where the URL leads to another origin (scheme, host, port),
/// header fields that are not given with it are dropped: `dropped` names them.
#[utoipa::path(patch, path = "/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)),
    request_body = EndpointPatch,
    responses((status = 200, body = EndpointView), (status = 409, description = "changed by somebody else meanwhile")))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<EndpointId>,
    body: Json,
) -> Answer<Out<EndpointView>> {
    let known = app.store.endpoint(id).await?;
    let patch: EndpointPatch = input::read(body.value, app.services.rules_for(&known))?;
    let dropped = app.services.update_endpoint(&known, patch, &app.who(caller).await).await?;
    let mut view = show::view(&app, id, Reader(caller)).await?;
    view.dropped = dropped;
    Ok(Out(view))
}
