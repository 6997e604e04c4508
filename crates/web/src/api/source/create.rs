use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{Scope, Source, SourceId, SourceKind, Token, TokenId};
use serde_json::Value;

use super::{
    input::{self, SourceInput},
    view::SourceView,
};
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        problem::Answer,
        read,
    },
    auth::{self, Admin},
};

/// Adds a source. For the plugin the answer carries the token by which it pushes, once.
#[utoipa::path(post, path = "/sources", tag = "sources", request_body = SourceInput,
    responses((status = 201, body = SourceView), (status = 422, description = "wrong fields")))]
pub(crate) async fn create(State(app): State<Arc<App>>, _: Admin, body: Json) -> Answer<(StatusCode, Out<SourceView>)> {
    let mut errors = Errors::default();
    let source = read(&app, body, &mut errors);
    let source = errors.finish(source)?;
    let text = auth::new_token(&*app.ambient);
    let token = Token {
        id: TokenId::new(source.created_at, &*app.ambient),
        name: source.name.clone(),
        scope: Scope::Source(source.id),
        created_at: source.created_at,
    };
    app.store.add_source(source.clone(), Some((token, auth::digest(&text)))).await?;
    Ok((StatusCode::CREATED, Out(SourceView::new(&source).with_token(text))))
}

fn read(app: &App, body: Json, errors: &mut Errors) -> Option<Source> {
    let mut fields = Fields::of(body.value, "", errors)?;
    let now = app.ambient.now();
    let name = fields.required("name", read::text(1, 100));
    let kind = fields.required("kind", kind);
    let mut source = Source {
        id: SourceId::new(now, &*app.ambient),
        name: name.unwrap_or_default(),
        kind: kind.unwrap_or(SourceKind::Plugin),
        url: None,
        key: None,
        time_zone: "Europe/Madrid".into(),
        models: None,
        heard_at: None,
        created_at: now,
    };
    input::apply(&mut fields, &mut source);
    fields.end();
    Some(source)
}

fn kind(value: Value) -> Result<SourceKind, String> {
    match value.as_str().and_then(SourceKind::parse) {
        Some(SourceKind::Plugin) => Ok(SourceKind::Plugin),
        Some(kind) => Err(format!("{} is not available in this version; plugin is", kind.as_str())),
        None => Err("must be plugin".into()),
    }
}
