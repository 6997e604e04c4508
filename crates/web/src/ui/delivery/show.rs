use std::sync::Arc;

use askama::Template;
use axum::{extract::State, response::Response};
use gancho_model::{Attempt, Delivery, DeliveryId, ErrorKind, Event, Said, State as Standing, mask};
use serde_json::Value;

use super::{
    list::{reason_word, webhook},
    signature,
};
use crate::{
    App,
    api::problem::Answer,
    ui::{error, event, frame::Frame, id::Id, page, query::Query, say, visitor::Visitor},
};

/// A step of the way from the ERP to the receiver.
struct Step {
    at: String,
    colour: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct Page {
    frame: Frame,
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
    body: String,
    pretty: String,
    curl: String,
    signature: Option<signature::Checked>,
}

/// An attempt as it is shown.
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
    visitor: Visitor,
    Id(id): Id<DeliveryId>,
    query: Query,
) -> Response {
    let frame = Frame::new(&app, &visitor, "deliveries", "delivery-title").with_done(query.get("done"));
    match read(&app, &frame, id, query.get("signature")).await {
        Ok(read) => page(&read),
        Err(problem) => error::of(frame, &problem),
    }
}

async fn read(app: &App, frame: &Frame, id: DeliveryId, given: Option<&str>) -> Answer<Page> {
    let words = &frame.words;
    let (delivery, attempts) = app.store.delivery(id).await?;
    let event = app.store.event(delivery.event_id).await?;
    let endpoints = app.store.all_endpoints().await?;
    let endpoint = endpoints.iter().find(|endpoint| endpoint.id == delivery.endpoint_id);
    let body = String::from_utf8_lossy(&event.body).into_owned();
    let parsed: Value = serde_json::from_slice(&event.body).unwrap_or(Value::Null);
    let title = say::event(words, &event.event, event.label.as_deref());
    let last = delivery.last;
    let failed = last.is_some_and(|last| last.error.is_some());
    let url = if frame.admin { delivery.url.clone() } else { mask::url(&delivery.url) };
    let why = match delivery.reason {
        Some(reason) => reason_word(frame, reason),
        None if failed => last.map_or_else(String::new, |last| say::why(words, last.status_code, last.error)),
        None => String::new(),
    };
    Ok(Page {
        state: say::state(words, delivery.state),
        why,
        next: say::waiting(words, &delivery, frame.moment),
        steps: steps(frame, &event, &delivery, &attempts),
        attempts: attempts.iter().map(|attempt| shown(frame, attempt)).collect(),
        changes: event::show::changes(words, &parsed),
        pretty: serde_json::to_string_pretty(&parsed).unwrap_or_default(),
        curl: curl(&url, &body),
        signature: endpoint
            .filter(|_| frame.admin)
            .zip(given)
            .map(|(endpoint, given)| signature::check(given, endpoint, &event, &attempts, frame.now)),
        webhook: webhook(&endpoints, &delivery),
        frame: frame.clone().titled(title.clone()),
        delivery,
        event,
        title,
        url,
        body,
    })
}

/// From the change in the ERP to the answer.
fn steps(frame: &Frame, event: &Event, delivery: &Delivery, attempts: &[Attempt]) -> Vec<Step> {
    let words = &frame.words;
    let step = |at, colour, said: Said| Step { at: words.exact(at), colour, text: words.said(&said) };
    let mut steps = vec![];
    if event.source.is_some() {
        steps.push(Step { at: words.full(event.created), colour: "busy", text: words.get("step-happened") });
    }
    steps.push(step(event.arrived_at, "busy", Said::plain("step-heard").with("type", event.event.as_str())));
    for attempt in attempts {
        let (colour, id) = if attempt.error.is_none() { ("good", "step-arrived") } else { ("bad", "step-failed") };
        let answer = attempt
            .status_code
            .map(|status| status.to_string())
            .or_else(|| attempt.error.as_ref().map(|error| words.get(&format!("error-kind-{}", error.kind.as_str()))));
        let said = Said::plain(id)
            .with("n", attempt.n)
            .with("answer", answer.unwrap_or_default())
            .with("span", words.span(attempt.duration_ms.into()));
        steps.push(step(attempt.at, colour, said));
    }
    match delivery.state {
        Standing::Pending => {
            let said = Said::plain("step-waiting").with("what", say::waiting(words, delivery, frame.moment));
            steps.push(Step { at: String::new(), colour: "busy", text: words.said(&said) });
        }
        Standing::Failed => {
            steps.push(Step { at: String::new(), colour: "bad", text: words.get("step-given-up") });
        }
        _ => {}
    }
    steps
}

fn shown(frame: &Frame, attempt: &Attempt) -> Try {
    let words = &frame.words;
    let kind = attempt.error.as_ref().map(|error| error.kind);
    let word = kind.map(|kind| words.get(&format!("error-kind-{}", kind.as_str())));
    let phases = [
        ("phase-dns", attempt.phases.dns_ms),
        ("phase-connect", attempt.phases.connect_ms),
        ("phase-tls", attempt.phases.tls_ms),
        ("phase-first-byte", attempt.phases.first_byte_ms),
        ("phase-body", attempt.phases.body_ms),
    ];
    let fields = |head: &gancho_model::Head| {
        head.fields().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
    };
    Try {
        n: attempt.n,
        at: words.exact(attempt.at),
        took: words.span(attempt.duration_ms.into()),
        answer: attempt.status_code.map(|status| status.to_string()).or(word).unwrap_or_default(),
        colour: if attempt.error.is_none() { "good" } else { "bad" },
        why: kind.map_or_else(String::new, |_| say::why(words, attempt.status_code, kind)),
        // Of a status, the sentence says all.
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

/// The request as a command, without its signature.
fn curl(url: &str, body: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    format!("curl -X POST {} -H 'Content-Type: application/json' --data-raw {}", quoted(url), quoted(body))
}
