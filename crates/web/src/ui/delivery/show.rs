use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{
    Attempt, Delivery, DeliveryId, Endpoint, ErrorKind, Event, Message, SentEvent, State as DeliveryState, Timestamp,
    delivery_headers, mask,
};
use serde_json::Value;

use super::{list::webhook, reason, signature};
use crate::{
    App,
    api::problem::Answer,
    ui::{current_user::CurrentUser, draw, error, event, id::Id, page, page_context::PageContext, query::Query, say},
};

/// A step of the timeline from the ERP to the receiver.
struct Step {
    at: String,
    colour: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    context: PageContext,
    delivery: Delivery,
    event: Event,
    title: String,
    url: String,
    webhook: String,
    state: (String, &'static str),
    why: String,
    next: String,
    steps: Vec<Step>,
    attempts: Vec<Try>,
    changes: Vec<event::show::Changed>,
    /// That the event's data were erased, if they were.
    erased: String,
    body: String,
    json: String,
    curl: String,
    /// Whether the command is signed, so that the receiver accepts it.
    is_signed: bool,
    signature: Option<signature::Checked>,
}

/// An attempt as shown.
struct Try {
    n: u32,
    at: String,
    took: String,
    answer: String,
    colour: &'static str,
    why: String,
    message: String,
    phases: Vec<(String, String)>,
    request: Vec<(String, String)>,
    response: Vec<(String, String)>,
    body: String,
    truncated: bool,
}

pub(crate) async fn show(
    State(app): State<Arc<App>>,
    visitor: CurrentUser,
    Id(id): Id<DeliveryId>,
    query: Query,
) -> Response {
    let context = PageContext::new(&app, &visitor, "deliveries", "delivery-title").with_done(query.get("done"));
    match read(&app, &context, id, &query).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(context, &problem),
    }
}

async fn read(app: &App, context: &PageContext, id: DeliveryId, query: &Query) -> Answer<DeliveryPage> {
    let words = &context.words;
    let (delivery, attempts) = app.store.delivery(id).await?;
    let event = app.store.event(delivery.event_id).await?;
    let happened: Value = serde_json::from_slice(&event.body).unwrap_or(Value::Null);
    let endpoints = app.store.all_endpoints().await?;
    let endpoint = endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint_id);
    let why = why(context, &event, endpoint, &delivery);
    // The body may have been rendered by a template.
    let event = Event { body: app.store.delivery_body(id).await?, ..event };
    let body = String::from_utf8_lossy(&event.body).into_owned();
    let parsed: Value = serde_json::from_slice(&event.body).unwrap_or(Value::Null);
    let title = say::event(words, &event.event, event.label.as_deref());
    let url = if context.admin { delivery.url.clone() } else { mask::url(&delivery.url) };
    let signed = endpoint
        .filter(|_| context.admin && query.text("curl") == "signed")
        .map(|endpoint| signed_now(endpoint, &event, &delivery, context.now));
    Ok(DeliveryPage {
        state: say::state(words, delivery.state),
        why,
        next: words.waiting(delivery.waiting_for, delivery.next_attempt_at, context.now),
        steps: steps(context, &event, &delivery, &attempts),
        attempts: attempts.iter().map(|attempt| shown(context, attempt)).collect(),
        changes: event::show::changes(words, &happened),
        erased: event::show::erased(context, &happened),
        json: draw::json(&parsed),
        is_signed: signed.is_some(),
        curl: curl(&url, &body, signed.unwrap_or_default()),
        signature: endpoint
            .filter(|_| context.admin)
            .zip(query.get("signature"))
            .map(|(endpoint, given)| signature::check(given, endpoint, &event, &attempts, context.now)),
        webhook: webhook(&endpoints, &delivery),
        context: context.clone().titled(title.clone()),
        delivery,
        event,
        title,
        url,
        body,
    })
}

/// Why it was not delivered so far.
fn why(context: &PageContext, event: &Event, endpoint: Option<&Endpoint>, delivery: &Delivery) -> String {
    if delivery.reason.is_some() {
        return reason::in_full(context, event, endpoint, delivery);
    }
    let failed = delivery.last.filter(|last| last.error.is_some());
    failed.map_or_else(String::new, |last| context.words.why(last.status_code, last.error))
}

/// From the change in the ERP to the response.
fn steps(context: &PageContext, event: &Event, delivery: &Delivery, attempts: &[Attempt]) -> Vec<Step> {
    let words = &context.words;
    let step = |at, colour, message: Message| Step { at: words.exact(at), colour, text: words.message(&message) };
    let mut steps = vec![];
    if event.source.is_some() {
        steps.push(Step { at: words.full(event.created), colour: "busy", text: words.get("step-happened") });
    }
    steps.push(step(event.arrived_at, "busy", Message::new("step-heard").with("type", event.event.as_str())));
    for attempt in attempts {
        let (colour, id) = if attempt.error.is_none() { ("good", "step-arrived") } else { ("bad", "step-failed") };
        let answer = attempt
            .status_code
            .map(|status| status.to_string())
            .or_else(|| attempt.error.as_ref().map(|error| words.get(&format!("error-kind-{}", error.kind.as_str()))));
        let message = Message::new(id)
            .with("n", attempt.n)
            .with("answer", answer.unwrap_or_default())
            .with("span", words.span(attempt.duration_ms.into()));
        steps.push(step(attempt.at, colour, message));
    }
    match delivery.state {
        DeliveryState::Pending => {
            let message = Message::new("step-waiting")
                .with("what", words.waiting(delivery.waiting_for, delivery.next_attempt_at, context.now));
            steps.push(Step { at: String::new(), colour: "busy", text: words.message(&message) });
        }
        DeliveryState::Failed => {
            steps.push(Step { at: String::new(), colour: "bad", text: words.get("step-given-up") });
        }
        _ => {}
    }
    steps
}

fn shown(context: &PageContext, attempt: &Attempt) -> Try {
    let words = &context.words;
    let kind = attempt.error.as_ref().map(|error| error.kind);
    let word = kind.map(|kind| words.get(&format!("error-kind-{}", kind.as_str())));
    let phases = [
        ("phase-dns", attempt.phases.dns_ms),
        ("phase-connect", attempt.phases.connect_ms),
        ("phase-tls", attempt.phases.tls_ms),
        ("phase-first-byte", attempt.phases.first_byte_ms),
        ("phase-body", attempt.phases.body_ms),
    ];
    let fields = |head: &gancho_model::HeaderLog| {
        head.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    Try {
        n: attempt.n,
        at: words.exact(attempt.at),
        took: words.span(attempt.duration_ms.into()),
        answer: attempt.status_code.map(|status| status.to_string()).or(word).unwrap_or_default(),
        colour: if attempt.error.is_none() { "good" } else { "bad" },
        why: kind.map_or_else(String::new, |_| words.why(attempt.status_code, kind)),
        // For a status, the sentence is sufficient.
        message: attempt
            .error
            .as_ref()
            .filter(|error| error.kind != ErrorKind::Status)
            .map(|error| error.message.clone())
            .unwrap_or_default(),
        phases: phases.into_iter().filter_map(|(id, ms)| ms.map(|ms| (words.get(id), words.span(ms.into())))).collect(),
        request: fields(&attempt.request_headers),
        response: fields(&attempt.response_headers),
        body: attempt.response_body.clone(),
        truncated: attempt.response_truncated,
    }
}

/// The request as a command: with its endpoint, all header fields, signed now; otherwise only its content type.
fn curl(url: &str, body: &str, headers: Vec<(String, String)>) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut command = format!("curl -X POST {}", quoted(url));
    for (name, value) in [("content-type".to_owned(), "application/json".to_owned())].into_iter().chain(headers) {
        command.push_str(&format!(" \\\n  -H {}", quoted(&format!("{name}: {value}"))));
    }
    format!("{command} \\\n  --data-raw {}", quoted(body))
}

/// The request that an attempt would send now, with custom header fields unmasked.
fn signed_now(endpoint: &Endpoint, event: &Event, delivery: &Delivery, now: Timestamp) -> Vec<(String, String)> {
    let sent = SentEvent {
        id: event.id,
        event: &event.event,
        sequence: event.sequence,
        attempt: delivery.attempts + 1,
        body: &event.body,
    };
    let fields = delivery_headers(&endpoint.secrets, sent, now).into_iter();
    let own = endpoint.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    fields.map(|(name, value)| (name.to_owned(), value)).chain(own).collect()
}
