use std::sync::Arc;

use axum::{Json as Out, extract::State, http::StatusCode};
use gancho_model::{Message, Refused, Scope, Secret, Source, SourceId, SourceKind, Token, TokenId};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    input::{self, SourceInput},
    view::SourceView,
};
use crate::{
    App,
    api::{
        body::Json,
        fields::{Errors, Fields},
        problem::{Answer, Problem},
        read,
    },
    auth::{self, Admin},
};

/// Adds a source. For the plugin the answer carries the token by which it pushes, once. For a database the triggers
/// are in place when 201 comes, and an API was asked; one that is a source already is answered 200, and only mended.
#[utoipa::path(post, path = "/sources", tag = "sources", request_body = SourceInput,
    responses((status = 201, body = Made), (status = 200, description = "a dry run, or it is there already", body = Made), (status = 422, description = "wrong fields")))]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    body: Json,
) -> Answer<(StatusCode, Out<Made>)> {
    let (made, is_new) = make(&app, body.value, &app.who(caller).await).await?;
    Ok((if is_new { StatusCode::CREATED } else { StatusCode::OK }, Out(made)))
}

/// Adds the source that this says; whether it is a new one.
pub(crate) async fn make(app: &App, input: Value, who: &str) -> Answer<(Made, bool)> {
    let mut errors = Errors::default();
    let source = read(app, input, &mut errors);
    let (source, dry_run) = errors.finish(source)?;
    if source.kind.is_watched() {
        return watched(app, source, dry_run, who).await;
    }
    let text = auth::new_token(&*app.environment);
    let token = Token {
        id: TokenId::new(source.created_at, &*app.environment),
        name: source.name.clone(),
        scope: Scope::Source(source.id),
        created_at: source.created_at,
    };
    app.store.add_source(source.clone(), Some((token, auth::digest(&text)))).await?;
    app.note(who, "source.created", &source.id, source.name.clone(), Map::new()).await;
    Ok((Made::Source(Box::new(SourceView::new(app, &source).with_token(text))), true))
}

/// What making a source answers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Made {
    /// The source.
    Source(Box<SourceView>),
    /// With `dry_run`: what would be put into the ERP's database, as SQL.
    RetryPolicy {
        /// The statements.
        sql: String,
    },
}

/// What listens is in place before the source is there. One ERP is one source of a kind: adding it
/// again only mends what is missing.
async fn watched(app: &App, source: Source, dry_run: bool, who: &str) -> Answer<(Made, bool)> {
    if dry_run {
        let sql = app.sources.plan(&source).await.map_err(|why| Problem::field("url", why))?;
        return Ok((Made::RetryPolicy { sql }, false));
    }
    if let Some(known) = known(app, &source).await? {
        let known = Source { key: source.key.or(known.key.clone()), ..known };
        app.sources.install(&known).await.map_err(refused)?;
        app.store.save_source(known.clone()).await?;
        app.sources.sources_changed();
        return Ok((Made::Source(Box::new(SourceView::new(app, &known))), false));
    }
    app.sources.install(&source).await.map_err(refused)?;
    app.store.add_source(source.clone(), None).await?;
    app.sources.sources_changed();
    app.note(who, "source.created", &source.id, source.name.clone(), Map::new()).await;
    Ok((Made::Source(Box::new(SourceView::new(app, &source))), true))
}

/// What stands in the way of sources an ERP, beside the field that it is about.
pub(super) fn refused(Refused { field, why }: Refused) -> Problem {
    Problem::field(field, why)
}

/// The source that hears this ERP already.
async fn known(app: &App, source: &Source) -> Answer<Option<Source>> {
    for one in app.store.sources().await? {
        if one.kind == source.kind && app.sources.same_erp(&one, source).await {
            return Ok(Some(one));
        }
    }
    Ok(None)
}

fn read(app: &App, input: Value, errors: &mut Errors) -> Option<(Source, bool)> {
    let mut fields = Fields::of(input, "", errors)?;
    let now = app.environment.now();
    let name = fields.required("name", read::text(1, 100));
    let kind = fields.required("kind", kind);
    let mut source = Source {
        id: SourceId::new(now, &*app.environment),
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
    let dry_run = fields.optional("dry_run", read::flag).unwrap_or(false);
    if source.kind == SourceKind::Database && source.url.is_none() {
        fields.wrong("url", Message::new("error-database-url"));
    }
    let is_web = |url: &Secret| url::Url::parse(url.expose()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if source.kind == SourceKind::Api && !source.url.as_ref().is_some_and(is_web) {
        fields.wrong("url", Message::new("error-erp-url"));
    }
    if source.kind == SourceKind::Api && source.key.is_none() {
        fields.wrong("key", Message::new("error-erp-key"));
    }
    if dry_run && source.kind != SourceKind::Database {
        fields.wrong("dry_run", Message::new("error-dry-run"));
    }
    fields.end();
    Some((source, dry_run))
}

fn kind(value: Value) -> Result<SourceKind, Message> {
    match value.as_str().and_then(SourceKind::parse) {
        Some(kind) => Ok(kind),
        None => Err(Message::new("error-kind")),
    }
}
