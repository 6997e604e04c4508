use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use gancho_model::{BinFault, BinId, Message};
use gancho_service::{
    input::{FieldError, Reading, Rules, Text, Whole},
    request_bin::{BinPatch, RespondInput},
};

use super::show;
use crate::{
    App,
    api::problem::Problem,
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

/// Saves a bin's response.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<BinId>,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let context = PageContext::new(&app, &visitor, "bins", "bin-title");
    let patch = match respond(&form) {
        Ok(respond) => BinPatch { ttl_s: None, respond: Some(respond) },
        Err(wrong) => return show::refused(&app, context, id, &headers, (form, &Problem::from(wrong))).await,
    };
    match app.services.change_bin(id, patch).await {
        Ok(_) => done(&app, &format!("/bins/{id}"), "saved"),
        Err(problem) => error::of(context, &problem.into()),
    }
}

fn respond(form: &Form) -> Result<RespondInput, Vec<FieldError>> {
    let mut reading = Reading::new(Rules::default());
    let status = reading.field("status", Whole::filled(form.value("status")));
    let delay_ms = reading.field("delay_ms", Whole::filled(form.value("delay_ms")));
    let every = reading.field("every", Whole::filled(form.value("every")));
    let body = reading.field("body", Text::filled(form.value("body")));
    let fault = match form.value("fault") {
        "" => Ok(None),
        word => BinFault::parse(word).map(Some).ok_or_else(|| Message::new("error-required")),
    };
    let fault = reading.field("fault", fault);
    let input =
        || Some(RespondInput { status: status?, delay_ms: delay_ms?, body: body?, every: every?, fault: fault? });
    reading.finish(input())
}
