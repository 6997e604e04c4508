use std::sync::Arc;

use axum::{Json, extract::State};

use super::TokenView;
use crate::{
    App,
    api::{
        page::{List, Query, WholeListQuery},
        problem::Answer,
    },
    auth::Admin,
};

/// Tokens, oldest first; all on one page, without their texts.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(WholeListQuery), responses((status = 200, body = List<TokenView>)))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    _: Admin,
    _: Query<WholeListQuery>,
) -> Answer<Json<List<TokenView>>> {
    let tokens = app.store.tokens().await?;
    Ok(Json(List::whole(tokens.iter().map(|token| TokenView::new(token, None)).collect())))
}
