use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::SourceId;
use gancho_service::Finding;
use gancho_words::Words;
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

impl CheckView {
    pub fn new(findings: Vec<Finding>) -> Self {
        let line = |Finding { name, ok, message }| Check { name, ok, message: Words::english().message(&message) };
        let checks: Vec<Check> = findings.into_iter().map(line).collect();
        Self { ok: checks.iter().all(|check| check.ok), checks }
    }
}

/// One line.
#[derive(Debug, Serialize, ToSchema)]
struct Check {
    name: String,
    ok: bool,
    /// What was found, and what to do if it is not well.
    message: String,
}

/// Checks a source: of a database, what is in place and which right is missing. A plugin pushes by itself: what can
/// be checked from here is when its last change came.
#[utoipa::path(post, path = "/sources/{id}/check", tag = "sources", params(("id" = String, Path)),
    responses((status = 200, body = CheckView)))]
pub(crate) async fn check(State(app): State<Arc<App>>, _: Admin, Id(id): Id<SourceId>) -> Answer<Json<CheckView>> {
    let source = app.store.source(id).await?;
    let findings = app.services.check_source(&source, |at| at.to_string()).await;
    Ok(Json(CheckView::new(findings)))
}
