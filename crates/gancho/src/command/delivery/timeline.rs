//! Prints a delivery as a timeline: from the ERP to the response, with the remedy.

use gancho_model::{Clock as _, ErrorKind, EventType, Timestamp, WaitingFor};
use gancho_service::event::title;
use gancho_words::Words;
use serde_json::Value;

use crate::{
    command::table::text,
    system::System,
    terminal::{Style, full, paint},
};

/// Lines shown of a body.
const LINES: usize = 12;

/// Prints it. `event` is its event, if it is still kept.
pub fn print(delivery: &Value, event: &Value) {
    let state = delivery["state"].as_str().unwrap_or_default();
    say!("{}  {}", paint(&name(delivery), Style::Bold), paint(state, Style::of_state(state)));
    say!("{}\n", paint(&format!("{} → {}", text(&delivery["event"]), text(&delivery["url"])), Style::Dim));
    if let Some(created) = event["created"].as_i64() {
        step(&Timestamp::from_s(created).to_string(), "happened", Style::Plain);
    }
    step(&text(&delivery["created_at"]), "received, and kept for this webhook", Style::Plain);
    let attempts = delivery["attempts"].as_array().map_or(&[][..], Vec::as_slice);
    for attempt in attempts {
        let (what, style) = outcome(attempt);
        step(&text(&attempt["at"]), &format!("attempt {}: {what}", text(&attempt["n"])), style);
    }
    say!("{}", ending(delivery, state));
    if let Some(body) = delivery["body"].as_str() {
        quote("Sent", body);
    }
    if let Some(last) = attempts.last() {
        answer(last);
    }
    say!("\n{}", paint(&format!("{}  {}", text(&delivery["id"]), text(&delivery["event_id"])), Style::Dim));
}

/// The event's title with its document.
fn name(delivery: &Value) -> String {
    let kind = delivery["event"].as_str().unwrap_or_default();
    let label = delivery["document"].as_str();
    EventType::parse(kind).map_or_else(|_| kind.to_owned(), |kind| title(Words::english(), &kind, label))
}

fn step(at: &str, what: &str, style: Style) {
    say!("  {}  {}", paint(&full(at), Style::Dim), paint(what, style));
}

fn outcome(attempt: &Value) -> (String, Style) {
    let answer = match (&attempt["status_code"], attempt["error"]["kind"].as_str()) {
        (Value::Null, kind) => kind.unwrap_or("no answer").to_owned(),
        (code, _) => code.to_string(),
    };
    let style = if attempt["error"].is_null() { Style::Good } else { Style::Bad };
    (format!("{answer} after {} ms", text(&attempt["duration_ms"])), style)
}

/// The next step, or the result.
fn ending(delivery: &Value, state: &str) -> String {
    let words = Words::english();
    let line = match state {
        "pending" => {
            let reason = delivery["waiting_for"].as_str().and_then(WaitingFor::parse);
            let next = delivery["next_attempt_at"].as_str().and_then(Timestamp::parse);
            format!("waits: {}", words.waiting(reason, next, System.now()))
        }
        "failed" if delivery["reason"].is_null() => "no attempts are left; send it again: gancho delivery retry".into(),
        "delivered" => "delivered".into(),
        _ => match delivery["reason"].as_str() {
            Some(reason) => words.get(&format!("reason-{}", reason.replace('_', "-"))),
            None => state.to_owned(),
        },
    };
    format!("  {}", paint(&line, Style::of_state(state)))
}

/// The last response: the likely cause with the remedy, and its start.
fn answer(attempt: &Value) {
    let status = attempt["status_code"].as_u64().and_then(|code| u16::try_from(code).ok());
    if let Some(kind) = attempt["error"]["kind"].as_str().and_then(ErrorKind::parse) {
        say!("\n{}", Words::english().why(status, Some(kind)));
        if kind != ErrorKind::Status {
            say!("{}", paint(&text(&attempt["error"]["message"]), Style::Dim));
        }
    }
    quote("Answer", attempt["response_body"].as_str().unwrap_or_default());
}

/// The start of a body; JSON is formatted.
fn quote(title: &str, body: &str) {
    let pretty = serde_json::from_str::<Value>(body).ok().and_then(|json| serde_json::to_string_pretty(&json).ok());
    let body = pretty.as_deref().unwrap_or(body).trim();
    if body.is_empty() {
        return;
    }
    say!("\n{title}:");
    body.lines().take(LINES).for_each(|line| say!("  {line}"));
    if body.lines().count() > LINES {
        say!("  … (all of it, header fields too: --json)");
    }
}
