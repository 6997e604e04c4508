use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Endpoint, Source};
use gancho_service::endpoint::PRESETS;

use super::{
    fill,
    origins::{self, OriginChoice},
    tree::{self, Branch},
};
use crate::{
    App,
    api::problem::Answer,
    ui::{
        current_user::{CurrentAdmin, CurrentUser},
        done, error,
        form::Form,
        page,
        page_context::PageContext,
        query::Query,
        refused,
    },
};

#[derive(Template)]
#[template(path = "webhook_new.html")]
struct NewWebhookPage {
    context: PageContext,
    form: Form,
    tree: Vec<Branch>,
    sources: Vec<Source>,
    origins: Vec<OriginChoice>,
    is_new: bool,
}

impl NewWebhookPage {
    fn removed_sources(&self) -> Vec<String> {
        fill::removed_sources(&self.form, &self.sources)
    }
}

pub(crate) async fn show(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, query: Query) -> Response {
    let context = PageContext::new(&app, &visitor, "webhooks", "webhook-new-title");
    let picked: Vec<&str> = query.all("events");
    let picked = if picked.is_empty() { vec!["invoice.*"] } else { picked };
    let mut fields =
        vec![("url", query.text("url").to_owned()), ("timeout_ms", app.services.limits.attempt_ms.to_string())];
    fields.extend(picked.into_iter().map(|pattern| ("events", pattern.to_owned())));
    fields.push((
        "retry",
        gancho_model::RetryPolicy::default().delays_s.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    ));
    let sources = app.store.sources().await.unwrap_or_default();
    let form = Form::filled(fields);
    page(&NewWebhookPage {
        tree: tree::tree(&context.words),
        origins: origins::choices(&app, &form).await,
        context,
        form,
        sources,
        is_new: true,
    })
}

pub(crate) async fn make(State(app): State<Arc<App>>, CurrentAdmin(visitor): CurrentAdmin, form: Form) -> Response {
    match create(&app, &form, &visitor).await {
        Ok(endpoint) => done(&app, &format!("/webhooks/{}?tab=test&secret=show", endpoint.id), "webhook-created"),
        Err(problem) if problem.errors().is_empty() => {
            error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem)
        }
        Err(problem) => {
            let context = PageContext::new(&app, &visitor, "webhooks", "webhook-new-title");
            let sources = app.store.sources().await.unwrap_or_default();
            let form = form.refused(&problem, &context.words);
            let origins = origins::choices(&app, &form).await;
            refused(&NewWebhookPage { tree: tree::tree(&context.words), context, form, sources, origins, is_new: true })
        }
    }
}

async fn create(app: &App, form: &Form, visitor: &CurrentUser) -> Answer<Endpoint> {
    let new = fill::new_endpoint(form, &visitor.words, app.services.rules())?;
    Ok(app.services.create_endpoint(new, &visitor.user.name).await?)
}
