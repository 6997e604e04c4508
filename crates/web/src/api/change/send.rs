use std::sync::Arc;

use axum::{
    Json as Out,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use gancho_intake::{SubmittedChange, digest};
use gancho_model::{Change, ErpSession, Message, ObjectKey, Operation, SourceId, canonical, limits::BATCH_MAX};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{
    App,
    api::{
        body::Json,
        event::send::request_key,
        fields::{Errors, Fields},
        page::Query,
        problem::{Answer, Problem},
        read,
    },
    auth::Ingest,
};

/// Changes of one ERP, in the order in which they happened.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct ChangesInput {
    changes: Vec<ChangeInput>,
}

/// What happened to one row.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape for the document; bodies are read field by field")]
pub(crate) struct ChangeInput {
    /// Your own name for it, by which a repeat is recognised for 30 days.
    id: Option<String>,
    /// The ERP's model, or a table's name.
    model: String,
    /// `insert`, `update` or `delete`.
    operation: String,
    /// The primary key, a text or a number.
    key: Value,
    /// The row before; on deletes, and on updates as far as it is known.
    before: Option<Value>,
    /// The row after; on inserts and updates. Documents carry their `lines`.
    after: Option<Value>,
    /// When: RFC 3339, or Unix seconds.
    at: Option<Value>,
    /// Changes of the same burst and row are one change.
    burst: Option<String>,
    /// Of users whose session changed: `login` or `logout`, if that is known.
    session: Option<String>,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChangesOutput {
    accepted: usize,
    duplicates: usize,
    /// The events that they made, now or the first time.
    events: Vec<String>,
}

/// Takes changes of an ERP in, 1 to 1000. `202` means what they mean is on disk.
#[utoipa::path(post, path = "/changes", tag = "changes", request_body = ChangesInput,
    params(("Idempotency-Key" = Option<String>, Header), ("source" = Option<String>, Query, description = "whose; a source's own token says it already")),
    responses((status = 202, body = ChangesOutput), (status = 409, description = "an id was used for another change")))]
pub(crate) async fn send(
    State(app): State<Arc<App>>,
    Ingest(caller): Ingest,
    query: Query,
    headers: HeaderMap,
    body: Json,
) -> Answer<(StatusCode, Out<ChangesOutput>)> {
    let named = query.read(|fields| fields.optional("source", read::id::<SourceId>))?;
    let source = match (caller.source(), named) {
        (Some(own), Some(named)) if own != named => {
            return Err(Problem::forbidden("another source's", "this source's"));
        }
        (Some(source), _) | (None, Some(source)) => source,
        (None, None) => {
            return Err(Problem::field("source", Message::new("error-whose")));
        }
    };
    let request = request_key(&headers, &body, &format!("changes of {source}"))?;
    let mut errors = Errors::default();
    let changes = changes(body.value, source, &mut errors);
    let changes = errors.finish(changes)?;
    let answer = app.intake.changes(caller, source, changes, request).await?;
    let events = answer.events.iter().map(ToString::to_string).collect();
    let output = ChangesOutput { accepted: answer.accepted, duplicates: answer.duplicates, events };
    Ok((StatusCode::ACCEPTED, Out(output)))
}

fn changes(body: Value, source: SourceId, errors: &mut Errors) -> Option<Vec<SubmittedChange>> {
    let mut fields = Fields::of(body, "", errors)?;
    let items = fields.required("changes", read::list(1, BATCH_MAX, Ok));
    fields.end();
    let items = items?.into_iter().enumerate();
    Some(items.filter_map(|(n, item)| change(item, source, &format!("changes[{n}]"), errors)).collect())
}

fn change(item: Value, source: SourceId, place: &str, errors: &mut Errors) -> Option<SubmittedChange> {
    let sent = format!("{source} {}", canonical::to_string(&item));
    let mut fields = Fields::of(item, place, errors)?;
    let id = fields.optional("id", read::client_id);
    let model = fields.required("model", model);
    let operation = fields.required("operation", |value| {
        let word = value.as_str().unwrap_or_default();
        Operation::parse(word).ok_or_else(|| Message::new("error-operation"))
    });
    let key = fields.required("key", key);
    let before = fields.optional("before", read::record);
    let after = fields.optional("after", read::record);
    let at = fields.optional("at", read::moment);
    let burst = fields.optional("burst", read::text(1, 100));
    let session = fields.optional("session", |value| {
        ErpSession::parse(value.as_str().unwrap_or_default()).ok_or_else(|| Message::new("error-session"))
    });
    match operation {
        Some(Operation::Insert | Operation::Update) if after.is_none() => {
            fields.wrong("after", Message::new("error-after"));
        }
        Some(Operation::Delete) if before.is_none() => {
            fields.wrong("before", Message::new("error-before"));
        }
        _ => {}
    }
    fields.end();
    let row = ObjectKey { model: model?, key: key? };
    let change = Change { id, row, operation: operation?, before, after, at, burst, session };
    Some(SubmittedChange { change, digest: digest(sent.as_bytes()) })
}

fn model(value: Value) -> Result<String, Message> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    match value {
        Value::String(name) if (1..=100).contains(&name.len()) && name.bytes().all(good) => Ok(name),
        _ => Err(Message::new("error-model")),
    }
}

fn key(value: Value) -> Result<String, Message> {
    match value {
        Value::Number(number) if !number.is_f64() => Ok(number.to_string()),
        Value::String(_) => read::text(1, 100)(value),
        _ => Err(Message::new("error-key")),
    }
}
