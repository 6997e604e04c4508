use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use gancho_service::request_bin::NewBin;

use super::view::BinView;
use crate::{
    App,
    api::{body::OptionalBody, problem::Answer},
    auth::Admin,
};

/// Makes a bin: a temporary URL that keeps what it receives.
#[utoipa::path(post, path = "/bins", tag = "bins", request_body = Option<NewBin>,
    responses((status = 201, body = BinView), (status = 409, description = "there are as many as may be")))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    headers: HeaderMap,
    OptionalBody(new): OptionalBody<NewBin>,
) -> Answer<(StatusCode, Json<BinView>)> {
    let bin = app.services.create_bin(new, &app.who(caller).await).await?;
    Ok((StatusCode::CREATED, Json(BinView::new(&bin, &app.site, &headers))))
}
