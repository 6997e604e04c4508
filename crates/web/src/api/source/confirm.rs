use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::SourceId;

use super::view::SourceView;
use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// Confirms that the address is the source's own ERP. A source stops and waits for this if its database looks like a
/// copy of the one that was set up, or was set up for another source since.
#[utoipa::path(post, path = "/sources/{id}/confirm", tag = "sources", params(("id" = String, Path)),
    responses((status = 200, body = SourceView), (status = 409, description = "it asks nothing, or can't be reached")))]
pub(crate) async fn confirm(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
) -> Answer<Json<SourceView>> {
    let source = app.services.confirm_source(id, &app.who(caller).await).await?;
    Ok(Json(SourceView::new(&app, &source)))
}
