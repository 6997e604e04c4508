use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Finding, Said, Source, SourceId};

use super::list::{Row, row};
use crate::{
    App, api,
    api::problem::{Answer, Problem},
    ui::{error, form::Form, frame::Frame, id::Id, page, query::Query, visitor::Visitor},
};

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Template)]
#[template(path = "source.html")]
struct Page {
    frame: Frame,
    source: Source,
    row: Row,
    checks: Vec<(String, bool, String)>,
    checked: bool,
    form: Form,
    kind: &'static str,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Id(id): Id<SourceId>,
    query: Query,
) -> Response {
    let frame = Frame::new(&app, &visitor, "sources", "sources-title").with_done(query.get("done"));
    match read(&app, &frame, id, query.get("check").is_some()).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

/// The settings once more, with what is wrong in them.
pub(super) async fn refused(app: &App, frame: Frame, id: SourceId, form: Form, problem: &Problem) -> Response {
    match read(app, &frame, id, false).await {
        Ok(mut read) => {
            read.form = form.refused(problem, &frame.words);
            crate::ui::refused(&read)
        }
        Err(problem) => error::of(frame, &problem),
    }
}

/// Checking asks the ERP, and its database may hang: nobody waits for it that long.
async fn findings(app: &App, frame: &Frame, source: &Source) -> Vec<Finding> {
    let found =
        tokio::time::timeout(PATIENCE, api::source::check::findings(app, source, |at| frame.words.full(at))).await;
    found.unwrap_or_else(|_| vec![Finding::bad("connect", Said::plain("check-slow"))])
}

async fn read(app: &App, frame: &Frame, id: SourceId, check: bool) -> Answer<Page> {
    let source = app.store.source(id).await?;
    let checked = check && frame.admin;
    let findings = if checked { findings(app, frame, &source).await } else { vec![] };
    let checks = findings.into_iter().map(|finding| (finding.name, finding.ok, frame.words.said(&finding.said)));
    Ok(Page {
        row: row(app, frame, &source),
        checks: checks.collect(),
        checked,
        form: Form::filled(vec![
            ("name", source.name.clone()),
            ("time_zone", source.time_zone.clone()),
            ("models", source.models.clone().unwrap_or_default().join(", ")),
        ]),
        kind: source.kind.as_str(),
        frame: frame.clone().titled(source.name.clone()),
        source,
    })
}
