use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Source, SourceId, SourceKind};

use super::list::{Row, row};
use crate::{
    App, api,
    api::{
        page::Id,
        problem::{Answer, Problem},
    },
    ui::{error, form::Form, frame::Frame, page, query::Query, visitor::Visitor},
};

#[derive(Template)]
#[template(path = "source.html")]
struct Page {
    frame: Frame,
    source: Source,
    row: Row,
    checks: Vec<(String, bool, String)>,
    checked: bool,
    form: Form,
    watched: bool,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: Visitor,
    Id(id): Id<SourceId>,
    query: Query,
) -> Response {
    let frame = Frame::new(&app, &visitor, "sources", "sources-title").with_done(query.get("done"));
    match read(&app, &frame, id).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

/// The settings once more, with what is wrong in them.
pub(super) async fn refused(app: &App, frame: Frame, id: SourceId, form: Form, problem: &Problem) -> Response {
    match read(app, &frame, id).await {
        Ok(mut read) => {
            read.form = form.refused(problem, &frame.words);
            crate::ui::refused(&read)
        }
        Err(problem) => error::of(frame, &problem),
    }
}

async fn read(app: &App, frame: &Frame, id: SourceId) -> Answer<Page> {
    let source = app.store.source(id).await?;
    // Checking asks the ERP: for those who may do something about it.
    let findings = if frame.admin { api::source::check::findings(app, &source).await } else { vec![] };
    let checks = findings.into_iter().map(|finding| (finding.name, finding.ok, frame.words.said(&finding.said)));
    Ok(Page {
        row: row(app, frame, &source),
        checks: checks.collect(),
        checked: frame.admin,
        form: Form::filled(vec![
            ("name", source.name.clone()),
            ("time_zone", source.time_zone.clone()),
            ("models", source.models.clone().unwrap_or_default().join(", ")),
        ]),
        watched: source.kind == SourceKind::Database,
        frame: frame.clone().titled(source.name.clone()),
        source,
    })
}
