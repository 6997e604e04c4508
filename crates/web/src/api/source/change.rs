use std::sync::Arc;

use axum::{Json as Out, extract::State};
use gancho_model::{Message, Source, SourceId, SourceKind};
use gancho_words::Words;
use url::Url;

use serde_json::{Map, Value};

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
        problem::{Answer, Problem},
        read,
    },
    auth::Admin,
};

/// Changes what is given; null clears what may be empty. Where the address leads to another origin (scheme, host,
/// port), the ERP's key is dropped unless it is given with it: `dropped` says so, and nothing is asked until there is
/// one.
#[utoipa::path(patch, path = "/sources/{id}", tag = "sources", params(("id" = String, Path)), request_body = SourceInput,
    responses((status = 200, body = SourceView), (status = 404, description = "no such source")))]
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Id(id): Id<SourceId>,
    body: Json,
) -> Answer<Out<SourceView>> {
    apply(&app, id, body.value, &app.who(caller).await).await.map(Out)
}

/// Changes what this says.
pub(crate) async fn apply(app: &App, id: SourceId, input: Value, who: &str) -> Answer<SourceView> {
    let old = app.store.source(id).await?;
    let mut source = old.clone();
    let mut errors = Errors::default();
    let read = Fields::of(input, "", &mut errors).map(|mut fields| {
        if let Some(name) = fields.optional("name", read::text(1, 100)) {
            source.name = name;
        }
        input::apply(&mut fields, &mut source);
        fields.end();
        source
    });
    let source = errors.finish(read)?;
    let is_watched = source.kind.is_watched();
    let hears = |source: &Source| (source.url.clone(), source.key.clone(), source.models.clone());
    let is_key_dropped = old.key.is_some() && source.key.is_none() && source.kind == SourceKind::Api;
    if is_watched && !is_key_dropped && hears(&old) != hears(&source) {
        // Before it is saved: what can't be heard is not accepted.
        another_has_it(app, &source).await?;
        app.sources.install(&source).await.map_err(super::create::refused)?;
    }
    if is_key_dropped {
        // It can't be asked yet; that it is an address at all, and of no other source, is seen all the same.
        let url = source.url.as_ref().and_then(|url| Url::parse(url.expose().trim()).ok());
        let is_address = url.is_some_and(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
        if !is_address {
            return Err(Problem::field("url", Message::new("error-erp-url")));
        }
        another_has_it(app, &source).await?;
    }
    app.store.save_source(source.clone()).await?;
    app.sources.sources_changed();
    if is_watched
        && old.url != source.url
        && let Err(why) = app.sources.leave(&old, &source).await
    {
        let why = Words::english().message(&why);
        tracing::warn!(source = %source.id, why, "what is ours could not be taken out of the ERP that the source left");
    }
    app.sources.sources_changed();
    app.note(who, "source.changed", &id, source.name.clone(), Map::new()).await;
    let mut view = SourceView::new(app, &source);
    view.dropped = if is_key_dropped { vec!["key"] } else { vec![] };
    Ok(view)
}

/// Two sources would take each other's rows.
async fn another_has_it(app: &App, source: &Source) -> Answer<()> {
    for other in app.store.sources().await? {
        let is_rival = other.kind == source.kind && other.id != source.id;
        if is_rival && app.sources.same_erp(&other, source).await {
            return Err(Problem::field("url", Message::new("error-source-taken").with("name", other.name)));
        }
    }
    Ok(())
}
