//! What is kept about one customer: counted, given as a file, erased.

use std::sync::Arc;

use axum::{
    extract::State,
    http::header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use gancho_model::{DataSubject, Message, SourceId};
use gancho_service::{
    input::{List, Reading, Rules, Text},
    personal_data::PersonalDataInput,
};

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

/// The tab, whose page a person stands on.
const TAB: &str = "personal-data";

pub(crate) async fn act(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let done = match subject(&form) {
        Ok(subject) if form.has("act", "export") => export(&app, subject).await,
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
    let values = reading.field("values", lines.map(Text::new).collect::<Result<Vec<_>, Message>>());
    let source = form.value("source").parse::<SourceId>().ok();
    let input = customer.zip(values);
    let input = input.map(|(customer, values)| PersonalDataInput { customer, source, values: Some(List(values)) });
    Ok(reading.finish(input)?.into())
}

/// Says how much there is, or what was erased.
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

/// A file with a line for each event.
async fn export(app: &App, subject: DataSubject) -> Answer<Response> {
    let (subject, mut after, mut lines) = (Arc::new(subject), None, String::new());
    loop {
        let found = app.services.personal_copies(&subject, after).await?;
        for copy in found.items {
            lines.push_str(&serde_json::to_string(&PersonalCopyView::new(copy)).unwrap_or_default());
            lines.push('\n');
        }
        after = found.next;
        if after.is_none() {
            break;
        }
    }
    let head = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"gancho-personal-data.jsonl\""),
    ];
    Ok((head, lines).into_response())
}
