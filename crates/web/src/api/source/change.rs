use std::sync::Arc;

use axum::{Json as Out, extract::State};
use gancho_model::SourceId;

use super::{
    input::{self, SourceInput},
    view::SourceView,
};
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        page::Id,
        problem::Answer,
        read,
    },
    auth::Admin,
};

/// Changes what is given; null clears what may be empty.
#[utoipa::path(patch, path = "/sources/{id}", tag = "sources", params(("id" = String, Path)), request_body = SourceInput,
    responses((status = 200, body = SourceView), (status = 404, description = "no such source")))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    _: Admin,
    Id(id): Id<SourceId>,
    body: Json,
) -> Answer<Out<SourceView>> {
    let mut source = app.store.source(id).await?;
    let mut errors = Errors::default();
    let read = Fields::of(body.value, "", &mut errors).map(|mut fields| {
        if let Some(name) = fields.optional("name", read::text(1, 100)) {
            source.name = name;
        }
        input::apply(&mut fields, &mut source);
        fields.end();
        source
    });
    let source = errors.finish(read)?;
    app.store.save_source(source.clone()).await?;
    Ok(Out(SourceView::new(&source)))
}
