use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::Source;

use super::{
    fill,
    tree::{self, Branch},
};
use crate::{
    App, api,
    ui::{done, error, form::Form, frame::Frame, page, query::Query, refused, visitor::Manager},
};

#[derive(Template)]
#[template(path = "webhook_new.html")]
struct Page {
    frame: Frame,
    form: Form,
    tree: Vec<Branch>,
    sources: Vec<Source>,
    is_new: bool,
}

impl Page {
    fn removed_sources(&self) -> Vec<String> {
        fill::removed_sources(&self.form, &self.sources)
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, Manager(visitor): Manager, query: Query) -> Response {
    let frame = Frame::new(&app, &visitor, "webhooks", "webhook-new-title");
    let picked: Vec<&str> = query.all("events");
    let picked = if picked.is_empty() { vec!["invoice.*"] } else { picked };
    let mut fields = vec![("url", query.text("url").to_owned()), ("timeout_ms", app.limits.attempt_ms.to_string())];
    fields.extend(picked.into_iter().map(|pattern| ("events", pattern.to_owned())));
    fields.push((
        "retry",
        gancho_model::Plan::default().delays_s.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    ));
    let sources = app.store.sources().await.unwrap_or_default();
    page(&Page { tree: tree::tree(&frame.words), frame, form: Form::filled(fields), sources, is_new: true })
}

pub(crate) async fn make(State(app): State<Arc<App>>, Manager(visitor): Manager, form: Form) -> Response {
    match api::endpoint::create::make(&app, fill::said(&form, true), &visitor.user.name).await {
        Ok(endpoint) => done(&app, &format!("/webhooks/{}?tab=test&secret=show", endpoint.id), "webhook-created"),
        Err(problem) if problem.errors().is_empty() => {
            error::of(Frame::new(&app, &visitor, "webhooks", "problem-title"), &problem)
        }
        Err(problem) => {
            let frame = Frame::new(&app, &visitor, "webhooks", "webhook-new-title");
            let sources = app.store.sources().await.unwrap_or_default();
            let form = form.refused(&problem, &frame.words);
            refused(&Page { tree: tree::tree(&frame.words), frame, form, sources, is_new: true })
        }
    }
}
