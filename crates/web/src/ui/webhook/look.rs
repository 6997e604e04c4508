//! Live checks while a form is filled in: whether the URL is reachable, which events would match, what would be sent.

use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::target;
use gancho_service::{
    Finding,
    endpoint::{Preview, PreviewInput},
    input::{FieldError, Reading, Rules},
};

use super::fill;
use crate::{
    App,
    ui::{current_user::CurrentAdmin, form::Form, page, page_context::PageContext, say},
};

#[derive(Template)]
#[template(path = "webhook_look.html")]
struct PreviewPage {
    context: PageContext,
    findings: Vec<(bool, String)>,
    /// The result of the rules for last week's events; `None` while no events are selected.
    preview: Option<Preview>,
    /// The errors of the rules.
    wrong: Vec<String>,
    /// Titles and bodies of events that would be sent.
    examples: Vec<(String, String)>,
    shows_bodies: bool,
}

pub(crate) async fn show(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    let context = PageContext::new(&app, &visitor, "", "webhook-new-title");
    let words = context.words.clone();
    let url = form.value("url").trim();
    let findings = match Some(url).filter(|url| !url.is_empty()).map(target::parse) {
        None => vec![],
        Some(Err(error)) => vec![Finding::bad("url", error.message())],
        Some(Ok(url)) => app.services.probing.probe(url.as_str()).await,
    };
    let findings = findings.into_iter().map(|finding| (finding.ok, words.message(&finding.message))).collect();
    let (preview, wrong) = match asked(&context, &form) {
        Ok(input) => (app.services.preview(input).await.ok(), vec![]),
        // Missing events are reported when the form is submitted.
        Err(wrong) => {
            let wrong = wrong.iter().filter(|one| one.field != "events");
            (None, wrong.map(|one| words.message(&one.message)).collect())
        }
    };
    let examples = preview
        .iter()
        .flat_map(|preview| &preview.examples)
        .map(|(event, body)| (say::event(&words, &event.event, event.label.as_deref()), body.clone()));
    let examples = examples.collect();
    let shows_bodies = ["template", "preset", "mask"].iter().any(|rule| !form.value(rule).trim().is_empty());
    page(&PreviewPage { context, findings, preview, wrong, examples, shows_bodies })
}

fn asked(context: &PageContext, form: &Form) -> Result<PreviewInput, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let events = reading.field("events", fill::events(form));
    let sources = reading.field("sources", fill::sources(form));
    let rules = fill::rules(form, &context.words, &mut reading);
    let input = || {
        let rules = rules?;
        Some(PreviewInput {
            events: events?,
            sources: Some(sources?),
            condition: rules.condition,
            template: rules.template,
            ignore_origins: Some(rules.ignore_origins),
            companies: Some(rules.companies),
            include: Some(rules.include),
            mask: Some(rules.mask),
        })
    };
    reading.finish(input())
}
