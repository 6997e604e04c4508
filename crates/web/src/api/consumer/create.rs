use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_service::consumer::NewConsumer;

use super::view::ConsumerView;
use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

/// Makes a consumer: a program that reads the feed at its own pace, and whose position is kept here.
#[utoipa::path(post, path = "/consumers", tag = "consumers", request_body = NewConsumer,
    responses((status = 201, body = ConsumerView), (status = 409, description = "the name is taken")))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(new): Body<NewConsumer>,
) -> Answer<(StatusCode, Json<ConsumerView>)> {
    let consumer = app.services.create_consumer(new, &app.who(caller).await).await?;
    Ok((StatusCode::CREATED, Json(ConsumerView::new(&consumer, *app.store.watch().borrow()))))
}
