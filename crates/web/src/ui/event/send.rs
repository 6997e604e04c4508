use std::sync::Arc;

use axum::{extract::State, response::Response};
use gancho_model::{DeliveryId, EventId, Message};
use gancho_service::{
    endpoint::SendInput,
    input::{Model, RowKey},
};

use crate::{
    App,
    api::problem::{Answer, Problem},
    ui::{current_user::CurrentAdmin, done, error, form::Form, id::Id, page_context::PageContext},
};

/// Sends an event's current record to one webhook.
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    CurrentAdmin(visitor): CurrentAdmin,
    Id(id): Id<EventId>,
    form: Form,
) -> Response {
    match send_now(&app, id, &form, &visitor.user.name).await {
        Ok(delivery) => done(&app, &format!("/deliveries/{delivery}"), "sent-now"),
        Err(problem) => error::of(PageContext::new(&app, &visitor, "events", "problem-title"), &problem),
    }
}

async fn send_now(app: &App, id: EventId, form: &Form, who: &str) -> Answer<DeliveryId> {
    let event = app.store.event(id).await?;
    let of_nothing = || Problem::field("key", Message::new("error-object-key"));
    let (source, object) = event.source.zip(event.object).ok_or_else(of_nothing)?;
    let wrong = |_| Problem::field("endpoint", Message::new("error-id").with("prefix", "ep"));
    let endpoint = form.value("endpoint").parse().map_err(wrong)?;
    let input = SendInput { source, model: Model(object.model), key: RowKey(object.key) };
    Ok(app.services.send_record(endpoint, input, who).await?.0)
}
