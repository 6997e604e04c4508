use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use gancho_service::consumer::AckInput;

use super::view::ConsumerView;
use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Reader,
};

/// Moves a consumer's position, forward only: an older number changes nothing. A token with the scope `read` is
/// sufficient.
#[utoipa::path(post, path = "/consumers/{name}/ack", tag = "consumers", params(("name" = String, Path)), request_body = AckInput,
    responses((status = 200, body = ConsumerView), (status = 409, description = "there is no such event yet")))]
pub(crate) async fn acknowledge(
    State(app): State<Arc<App>>,
    _: Reader,
    Path(name): Path<String>,
    Body(input): Body<AckInput>,
) -> Answer<Json<ConsumerView>> {
    let sequence = input.sequence.0.unsigned_abs();
    let consumer = app.services.acknowledge(&name, sequence, app.environment.now()).await?;
    Ok(Json(ConsumerView::new(&consumer, *app.store.watch().borrow())))
}
