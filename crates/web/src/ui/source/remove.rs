use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{SourceId, SourceKind};

use crate::{
    App,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page, page_context::PageContext, refused},
};

#[derive(Template)]
#[template(path = "source_remove.html")]
struct RemoveSourcePage {
    context: PageContext,
    id: SourceId,
    name: String,
    database: bool,
    error: String,
}

async fn build(
    app: &App,
    context: &PageContext,
    id: SourceId,
    error: String,
) -> Result<RemoveSourcePage, gancho_store::StoreError> {
    let source = app.store.source(id).await?;
    let database = source.kind == SourceKind::Database;
    Ok(RemoveSourcePage { context: context.clone(), id, name: source.name, database, error })
}

/// The effects of removing it.
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "source-remove-title");
    match build(&app, &context, id, String::new()).await {
        Ok(built) => page(&built),
        Err(problem) => error::of(context, &problem.into()),
    }
}

pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
    form: Form,
) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "source-remove-title");
    let force = form.has("force", "yes");
    match app.services.remove_source(id, force, &visitor.user.name).await {
        Ok(()) => {
            app.tokens.forget();
            done(&app, "/sources", "source-removed")
        }
        Err(problem) => {
            let why = problem.message().map(|message| context.words.message(&message)).unwrap_or_default();
            match build(&app, &context, id, why).await {
                Ok(built) => refused(&built),
                Err(_) => error::of(context, &problem.into()),
            }
        }
    }
}
