use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use gancho_service::source::{NewSource, SourceCreated};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::SourceView;
use crate::{
    App,
    api::{body::Body, problem::Answer},
    auth::Admin,
};

/// What making a source answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SourceOutput {
    /// The source.
    Source(Box<SourceView>),
    /// With `dry_run`: what would be put into the ERP's database, as SQL.
    Planned {
        /// The statements.
        sql: String,
    },
}

/// Adds a source. For the plugin the answer carries the token by which it pushes, once. For a database the triggers
/// are in place when 201 comes, and an API was asked; one that is a source already is answered 200: it is repaired, and its login is the one given now.
#[utoipa::path(post, path = "/sources", tag = "sources", request_body = NewSource,
    responses((status = 201, body = SourceOutput), (status = 200, description = "a dry run, or it is there already", body = SourceOutput), (status = 422, description = "wrong fields")))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Body(new): Body<NewSource>,
) -> Answer<(StatusCode, Json<SourceOutput>)> {
    let view = |source| SourceView::new(&app, source);
    let created = app.services.create_source(new, &app.who(caller).await).await?;
    let (status, output) = match &created {
        SourceCreated::New(source, Some(token)) => (StatusCode::CREATED, view(source).with_token(token.clone())),
        SourceCreated::New(source, None) => (StatusCode::CREATED, view(source)),
        SourceCreated::Known(source) => (StatusCode::OK, view(source)),
        SourceCreated::Planned(sql) => {
            return Ok((StatusCode::OK, Json(SourceOutput::Planned { sql: sql.clone() })));
        }
    };
    Ok((status, Json(SourceOutput::Source(Box::new(output)))))
}
