//! Sends existing records of an ERP as a background job.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{EndpointId, Message, SourceId};
use gancho_service::{
    input::{Model, Text},
    source::BackfillInput,
};

use super::show;
use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

pub(crate) async fn begin(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EndpointId>,
    form: Form,
) -> Response {
    match start(&app, id, &form, &visitor.user.name).await {
        Ok(()) => done(&app, &format!("/webhooks/{id}"), "replay-begun"),
        Err(problem) if problem.errors().is_empty() => {
            error::of(PageContext::new(&app, &visitor, "webhooks", "problem-title"), &problem)
        }
        Err(problem) => show::summary(&app, visitor, id, form, Err(&problem)).await,
    }
}

async fn start(app: &Arc<App>, endpoint: EndpointId, form: &Form, who: &str) -> Answer<()> {
    let strange = |_| Problem::field("source", Message::new("error-source-id"));
    let source: SourceId = form.value("source").parse().map_err(strange)?;
    let model = Text::<1, 100>::new(form.value("model")).map_err(|wrong| Problem::field("model", wrong))?;
    let since = match form.value("since") {
        "" => None,
        day => Some(Text::new(day).map_err(|wrong| Problem::field("since", wrong))?),
    };
    let input = BackfillInput { endpoint, model: Model(model.0), since, after: None, limit: None };
    Ok(app.services.start_backfill(source, input, who).await?)
}
