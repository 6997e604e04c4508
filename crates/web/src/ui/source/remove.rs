use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{SourceId, SourceKind};

use crate::{
    App, api,
    ui::{done, error, form::Form, frame::Frame, id::Id, page, refused, visitor::Manager},
};

#[derive(Template)]
#[template(path = "source_remove.html")]
struct Page {
    frame: Frame,
    id: SourceId,
    name: String,
    database: bool,
    error: String,
}

async fn build(app: &App, frame: &Frame, id: SourceId, error: String) -> Result<Page, gancho_store::StoreError> {
    let source = app.store.source(id).await?;
    let database = source.kind == SourceKind::Database;
    Ok(Page { frame: frame.clone(), id, name: source.name, database, error })
}

/// What removing would do.
pub(crate) async fn ask(State(app): State<Arc<App>>, Manager(visitor): Manager, Id(id): Id<SourceId>) -> Response {
    let frame = Frame::new(&app, &visitor, "sources", "source-remove-title");
    match build(&app, &frame, id, String::new()).await {
        Ok(built) => page(&built),
        Err(problem) => error::of(frame, &problem.into()),
    }
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Manager(visitor): Manager,
    Id(id): Id<SourceId>,
    form: Form,
) -> Response {
    let frame = Frame::new(&app, &visitor, "sources", "source-remove-title");
    let force = form.has("force", "yes");
    match api::source::remove::remove_one(&app, id, force, &visitor.user.name).await {
        Ok(()) => done(&app, "/sources", "source-removed"),
        Err(problem) => {
            let said = problem.sentence().map(|said| frame.words.said(said)).unwrap_or_default();
            match build(&app, &frame, id, said).await {
                Ok(built) => refused(&built),
                Err(_) => error::of(frame, &problem),
            }
        }
    }
}
