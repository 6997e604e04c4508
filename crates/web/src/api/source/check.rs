use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::SourceId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    App,
    api::{page::Id, problem::Answer},
    auth::Admin,
};

/// What works and what is missing, line by line.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CheckView {
    /// Whether all of it works.
    ok: bool,
    checks: Vec<Check>,
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
struct Check {
    name: &'static str,
    ok: bool,
    /// What was found, and what to do if it is not well.
    message: String,
}

/// Checks a source. A plugin pushes by itself: what can be checked from here is whether it has been heard.
#[utoipa::path(post, path = "/sources/{id}/check", tag = "sources", params(("id" = String, Path)),
    responses((status = 200, body = CheckView)))]
pub(crate) async fn check(State(app): State<Arc<App>>, _: Admin, Id(id): Id<SourceId>) -> Answer<Json<CheckView>> {
    let source = app.store.source(id).await?;
    let heard = match source.heard_at {
        Some(at) => Check { name: "heard", ok: true, message: format!("last heard at {at}") },
        None => {
            let message = "nothing was heard yet: enter this source's token in the plugin's settings, then save any record in the ERP";
            Check { name: "heard", ok: false, message: message.into() }
        }
    };
    Ok(Json(CheckView { ok: heard.ok, checks: vec![heard] }))
}
