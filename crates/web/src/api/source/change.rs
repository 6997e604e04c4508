use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::SourceId;
use gancho_service::source::SourcePatch;

use super::view::SourceView;
use crate::{
    App,
    api::{body::Body, page::Id, problem::Answer},
    auth::Admin,
};

/// Changes what is given; null clears what may be empty. Where the address leads to another origin (scheme, host,
/// port), the ERP's key is dropped unless it is given with it: `dropped` says so, and nothing is asked until there is
/// one.
#[utoipa::path(patch, path = "/sources/{id}", tag = "sources", params(("id" = String, Path)), request_body = SourcePatch,
    responses((status = 200, body = SourceView), (status = 404, description = "no such source")))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
    Body(patch): Body<SourcePatch>,
) -> Answer<Json<SourceView>> {
    let (source, dropped) = app.services.update_source(id, patch, &app.who(caller).await).await?;
    let mut view = SourceView::new(&app, &source);
    view.dropped = dropped;
    Ok(Json(view))
}
