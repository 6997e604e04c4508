use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_service::endpoint::NewEndpoint;
use gancho_store::EndpointBacklog;

use super::view::EndpointView;
use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::{Admin, Reader},
};

/// Adds an endpoint. Its secret is in the answer, and never again but at `/secret`.
#[utoipa::path(post, path = "/endpoints", tag = "endpoints", request_body = NewEndpoint,
    responses((status = 201, body = EndpointView), (status = 409, description = "another endpoint has the id, or had it"), (status = 422, description = "wrong fields")))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(new): Body<NewEndpoint>,
) -> Answer<(StatusCode, Json<EndpointView>)> {
    let endpoint = app.services.create_endpoint(new, &app.who(caller).await).await?;
    let view = EndpointView::new(&endpoint, EndpointBacklog::default(), Reader(caller));
    Ok((StatusCode::CREATED, Json(view.with_secret(&endpoint.secrets.current))))
}
