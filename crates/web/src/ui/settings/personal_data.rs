//! Data about one customer: count, export, erase.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use gancho_model::{DataSubject, Message, SourceId};
use gancho_service::{
    input::{List, Reading, Rules, Text},
    personal_data::{PersonalCopy, PersonalDataInput},
};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    App,
    api::{personal_data::view::PersonalCopyView, problem::Answer},
    ui::{
        current_user::{CurrentAdmin, CurrentUser},
        form::Form,
        page,
        page_context::PageContext,
    },
};

/// The tab of this page.
const TAB: &str = "personal-data";

pub(crate) async fn act(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let done = match subject(&form) {
        Ok(subject) if form.has("act", "export") => {
            app.services.note_personal_data_export(&subject, &visitor.user.name).await;
            Ok(export(&app, subject))
        }
        Ok(subject) => show(&app, &visitor, &form, subject).await,
        Err(problem) => Err(problem),
    };
    match done {
        Ok(response) => response,
        Err(problem) => super::refused(&app, &visitor, TAB, form, &problem).await,
    }
}

fn subject(form: &Form) -> Answer<DataSubject> {
    let mut reading = Reading::new(Rules::default());
    let customer = reading.field("customer", form.required("customer").and_then(Text::new));
    let lines = form.value("values").lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = lines.collect();
    let values = reading.field("values", List::read_each(lines.into_iter(), Text::new));
    let source = reading.field("source", source(form.value("source")));
    let input = customer.zip(values).zip(source);
    let input = input.map(|((customer, values), source)| PersonalDataInput { customer, source, values: Some(values) });
    Ok(reading.finish(input)?.into())
}

/// The selected ERP, or all if none is selected.
fn source(text: &str) -> Result<Option<SourceId>, Message> {
    match text {
        "" => Ok(None),
        id => id.parse().map(Some).map_err(|_| Message::new("error-id").with("prefix", "src_")),
    }
}

/// Shows the count, or what was erased.
async fn show(app: &Arc<App>, visitor: &CurrentUser, form: &Form, subject: DataSubject) -> Answer<Response> {
    let context = PageContext::new(app, visitor, "settings", "settings-title");
    let words = &context.words;
    let said = if form.has("act", "erase") {
        let done = app.services.erase_personal_data(subject, visitor.user.name.clone()).await?;
        words.count("personal-data-erased", done.events)
    } else {
        words.count("personal-data-found", app.services.count_personal_data(&Arc::new(subject)).await?)
    };
    let mut read = super::read(app, &context, visitor, TAB).await?;
    read.said = said;
    read.form = form.clone();
    Ok(page(&read))
}

/// A file with a line per event, streamed page by page, since there may be many. If the store fails midway, the
/// response is cut, and the browser reports a failed download.
fn export(app: &Arc<App>, subject: DataSubject) -> Response {
    let (sender, lines) = tokio::sync::mpsc::channel(1);
    let (app, subject) = (app.clone(), Arc::new(subject));
    tokio::spawn(async move {
        let mut after = None;
        loop {
            let page = app.services.personal_copies(&subject, after).await;
            let next = page.as_ref().ok().and_then(|page| page.next);
            let text = page.map(|page| page.items.into_iter().map(line).collect::<String>());
            let text = text.map_err(|error| std::io::Error::other(format!("{error:?}")));
            // The client is gone, or this was the last page.
            if sender.send(text).await.is_err() || next.is_none() {
                return;
            }
            after = next;
        }
    });
    let head = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"gancho-personal-data.jsonl\""),
    ];
    (head, Body::from_stream(ReceiverStream::new(lines))).into_response()
}

fn line(copy: PersonalCopy) -> String {
    let mut line = serde_json::to_string(&PersonalCopyView::new(copy)).unwrap_or_default();
    line.push('\n');
    line
}
