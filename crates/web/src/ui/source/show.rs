use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{extract::State, http::HeaderMap, response::Response};
use gancho_model::{Message, Source, SourceId};
use gancho_service::Finding;
use gancho_words::Words;

use super::list::{SourceRow, row};
use crate::{
    App,
    api::problem::{Answer, Problem},
    site::ServerAddress,
    ui::{current_user::CurrentUser, error, form::Form, id::Id, page, page_context::PageContext, query::Query},
};

/// Timeout of a check.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Template)]
#[template(path = "source.html")]
struct SourcePage {
    context: PageContext,
    source: Source,
    row: SourceRow,
    checks: Vec<CheckRow>,
    checked: bool,
    form: Form,
    kind: &'static str,
    address: ServerAddress,
}

/// A finding as shown.
struct CheckRow {
    /// Localized; tables and rights keep their own names.
    name: String,
    is_named_by_the_erp: bool,
    ok: bool,
    text: String,
    /// The raw message of the underlying system.
    raw: Option<String>,
}

impl CheckRow {
    fn new(words: &Words, finding: Finding) -> Self {
        let word = format!("finding-{}", finding.name);
        let is_named_by_the_erp = !words.has(&word);
        Self {
            name: if is_named_by_the_erp { finding.name } else { words.get(&word) },
            is_named_by_the_erp,
            ok: finding.ok,
            text: words.message(&finding.message),
            raw: words.raw(&finding.message),
        }
    }
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: CurrentUser,
    Id(id): Id<SourceId>,
    query: Query,
    headers: HeaderMap,
) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "sources-title").with_done(query.get("done"));
    match read(&app, &context, (id, query.get("check").is_some()), &headers).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

/// The settings again, with their errors.
pub(super) async fn refused(app: &App, context: PageContext, id: SourceId, form: Form, problem: &Problem) -> Response {
    match read(app, &context, (id, false), &HeaderMap::new()).await {
        Ok(mut read) => {
            read.form = form.refused(problem, &context.words);
            crate::ui::refused(&read)
        }
        Err(problem) => error::of(context, &problem),
    }
}

/// A check connects to the ERP, and its database may hang: the page waits only until the timeout.
async fn findings(app: &App, context: &PageContext, source: &Source) -> Vec<Finding> {
    let check = app.services.check_source(source, |at| context.words.full(at));
    tokio::time::timeout(PATIENCE, check)
        .await
        .unwrap_or_else(|_| vec![Finding::bad("connect", Message::new("check-slow"))])
}

async fn read(
    app: &App,
    context: &PageContext,
    (id, check): (SourceId, bool),
    headers: &HeaderMap,
) -> Answer<SourcePage> {
    let source = app.store.source(id).await?;
    let checked = check && context.admin;
    let findings = if checked { findings(app, context, &source).await } else { vec![] };
    let words = &context.words;
    let checks = findings.into_iter().map(|finding| CheckRow::new(words, finding));
    Ok(SourcePage {
        row: row(app, context, &source),
        checks: checks.collect(),
        checked,
        form: Form::filled(vec![
            ("name", source.name.clone()),
            ("time_zone", source.time_zone.clone()),
            ("models", source.models.clone().unwrap_or_default().join(", ")),
        ]),
        kind: source.kind.as_str(),
        address: ServerAddress::of(&app.site, headers),
        context: context.clone().titled(source.name.clone()),
        source,
    })
}
