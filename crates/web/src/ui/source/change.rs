use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::SourceId;
use serde_json::{Value, json};

use super::show;
use crate::{
    App, api,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

pub(crate) async fn save(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<SourceId>,
    form: Form,
) -> Response {
    let context = PageContext::new(&app, &visitor, "sources", "sources-title");
    match api::source::change::apply(&app, id, input(&form), &visitor.user.name).await {
        Ok(view) if !view.dropped.is_empty() => done(&app, &format!("/sources/{id}"), "saved-key-dropped"),
        Ok(_) => done(&app, &format!("/sources/{id}"), "saved"),
        Err(problem) if problem.errors().is_empty() => error::of(context, &problem),
        Err(problem) => show::refused(&app, context, id, form, &problem).await,
    }
}

/// An address or key that is left empty stays as it is.
fn input(form: &Form) -> Value {
    let models = form.value("models").split([',', '\n', ' ']).map(str::trim).filter(|model| !model.is_empty());
    let models: Vec<&str> = models.collect();
    let models = if models.is_empty() { Value::Null } else { models.into() };
    let mut input = json!({"name": form.json_text("name"), "time_zone": form.json_text("time_zone"), "models": models});
    for field in ["url", "key"] {
        if !form.value(field).trim().is_empty() {
            input[field] = form.json_text(field);
        }
    }
    input
}
