//! Processes what the ERP's plugin sends: rows as its triggers write them, grouped and composed like those of a
//! database.

use std::collections::{BTreeMap, HashMap};

use gancho_facturascripts::{columns::Kind, shape::Shape};
use gancho_intake::{Digest, Intake, IntakeError, SubmittedEvent};
use gancho_model::{
    CUSTOMER_MODEL, Change, ErpSession, EventType, Message, ObjectKey, Operation, Record, Source, Timestamp,
};
use gancho_service::{
    Shown,
    outbox::{OutboxPayload, OutboxPayloadRow, OutboxReceipt},
};
use gancho_store::ProcessedRow;
use serde_json::Value;

use crate::{
    capture::{CapturePlan, Schema, Table},
    grouping::{CommitTracker, Composer, DocumentsRead, OutboxRow, Transaction, processed_row, read_origin, row_name},
    key::key_text,
};

/// A change group with this many rows is submitted in parts; a smaller one waits until it is complete.
const WHOLE_ROWS: usize = 20_000;

/// Submits the complete change groups of a payload. Rows in the receipt's `taken` are on disk.
///
/// # Errors
/// The reason; nothing was taken then.
pub(crate) async fn take(
    intake: &Intake,
    source: &Source,
    mut payload: OutboxPayload,
    (tracker, quiet_ms): (&mut CommitTracker, i64),
) -> Result<OutboxReceipt, Message> {
    let shape = Shape::new(&source.time_zone).map_err(ours)?;
    let plan = CapturePlan::new(&schema(&payload), source.models.as_deref());
    let composer = Composer::new(&plan, &shape);
    learn(intake, source, &plan, &composer, std::mem::take(&mut payload.known)).await?;
    let mut taken = drop_processed(intake, source, &mut payload.rows).await?;
    let customers = customers(&payload.customers, &shape);
    let composed = compose(&composer, payload, (tracker, quiet_ms));
    if !composed.processed.is_empty() {
        intake.outbox_changes(source.id, composed.changes, composed.processed, customers).await.map_err(ours)?;
    }
    for (event, row) in composed.events {
        let name = event.event.to_string();
        match intake.outbox_event(source.id, event, row).await {
            // It can never be submitted, and must not block others.
            Err(error @ IntakeError::TooLarge { .. }) => {
                tracing::warn!(source = %source.id, event = name, %error, "an event of another plugin of the ERP is dropped");
            }
            kept => drop(kept.map_err(ours)?),
        }
    }
    taken.extend(composed.taken);
    Ok(OutboxReceipt { taken, waiting: composed.waiting })
}

/// The composed changes of a payload's complete groups.
#[derive(Default)]
struct Composed {
    changes: Vec<Change>,
    /// The rows that the changes were composed of.
    processed: Vec<ProcessedRow>,
    /// Events of other plugins, each with its row.
    events: Vec<(SubmittedEvent, ProcessedRow)>,
    /// Rows that may be removed.
    taken: Vec<i64>,
    /// Number of rows that wait for their group to complete.
    waiting: usize,
}

fn compose(
    composer: &Composer<'_>,
    payload: OutboxPayload,
    (tracker, quiet_ms): (&mut CommitTracker, i64),
) -> Composed {
    let (rows, others): (Vec<OutboxPayloadRow>, Vec<OutboxPayloadRow>) =
        payload.rows.into_iter().partition(|row| matches!(row.op.as_str(), "I" | "U" | "D"));
    let sessions = sessions(&others);
    let rows: Vec<OutboxRow> = rows.into_iter().filter_map(outbox_row).collect();
    let read = documents_read(payload.documents);
    tracker.note(&rows, payload.now_ms, !payload.more);
    let mut ended = composer.ended(&rows, tracker, (payload.now_ms, quiet_ms), payload.more);
    let is_largest = payload.largest || rows.len() >= WHOLE_ROWS;
    if payload.more && !is_largest && !ended.iter().all(|change_group| change_group.ended) {
        // A change group larger than this payload: the next one contains more of it.
        ended.clear();
    }
    let mut composed = Composed::default();
    for change_group in ended {
        let act: Vec<&OutboxRow> = change_group.rows.iter().map(|place| &rows[*place]).collect();
        let (lines, documents) = composer.needs(std::slice::from_ref(&act));
        let is_there = lines.iter().all(|document| read.lines.contains_key(document))
            && documents.iter().all(|document| read.lines.contains_key(document));
        if !is_there {
            continue;
        }
        let mark = act.first().map(|row| row.mark.clone()).unwrap_or_default();
        let name = act.first().map(|row| row_name(row)).unwrap_or_default();
        let mut changes = composer.changes(&name, &act, &read);
        for one in changes.iter_mut().filter(|one| one.row.model == "User") {
            one.session = sessions.get(&(mark.clone(), one.row.key.clone())).copied();
        }
        composed.changes.extend(changes);
        composed.processed.extend(act.iter().map(|row| row.key()));
        composed.taken.extend(act.iter().map(|row| row.id));
    }
    composed.waiting = rows.len() - composed.processed.len();
    composed.taken.extend(others.iter().filter(|row| row.op == "E" || composed.waiting == 0).map(|row| row.id));
    let events = others.iter().filter(|row| row.op == "E");
    composed.events = events.filter_map(|row| Some((event(row)?, key(row)))).collect();
    composed
}

/// The first record in a payload, a document with its lines. `None` if there is none, or its table is not captured.
///
/// # Errors
/// If the source's time zone is invalid.
pub(crate) fn shown(source: &Source, mut payload: OutboxPayload) -> Result<Option<Shown>, Message> {
    let shape = Shape::new(&source.time_zone).map_err(ours)?;
    let plan = CapturePlan::new(&schema(&payload), source.models.as_deref());
    let Some(shown) = payload.documents.drain(..).next() else { return Ok(None) };
    let watched = plan.tables.get(&shown.table);
    Ok(watched.zip(shown.record).map(|(watched, row)| {
        let object = ObjectKey { model: watched.model.clone(), key: shown.key };
        let record = Composer::new(&plan, &shape).whole(watched, &row, &shown.lines);
        Shown { object, record, customers: customers(&payload.customers, &shape) }
    }))
}

/// Normalized customer records by code.
fn customers(records: &[Record], shape: &Shape) -> Vec<(String, Record)> {
    let shaped = |record: &Record| {
        let code = record.get("codcliente").map(key_text)?;
        Some((code, shape.record(CUSTOMER_MODEL, record.clone(), |_| Some(Kind::Text))))
    };
    records.iter().filter_map(shaped).collect()
}

/// Removes rows that were processed before; returns their ids.
async fn drop_processed(
    intake: &Intake,
    source: &Source,
    rows: &mut Vec<OutboxPayloadRow>,
) -> Result<Vec<i64>, Message> {
    let processed = intake.processed(source.id, rows.iter().map(key).collect()).await.map_err(ours)?;
    let again: Vec<i64> = rows.iter().zip(processed).filter(|(_, again)| *again).map(|(row, _)| row.id).collect();
    rows.retain(|row| !again.contains(&row.id));
    Ok(again)
}

fn key(row: &OutboxPayloadRow) -> ProcessedRow {
    processed_row(row.id, &row.mark)
}

/// Loads reference rows.
async fn learn(
    intake: &Intake,
    source: &Source,
    plan: &CapturePlan,
    composer: &Composer<'_>,
    known: BTreeMap<String, Vec<Record>>,
) -> Result<(), Message> {
    let mut rows = vec![];
    for (table, records) in known {
        let Some(watched) = plan.tables.get(&table) else { continue };
        for record in records {
            let Some(key) = record.get(&watched.key).map(key_text) else { continue };
            rows.push((ObjectKey { model: watched.model.clone(), key }, composer.shaped(watched, &record)));
        }
    }
    if rows.is_empty() { Ok(()) } else { intake.learn(source.id, rows).await.map_err(ours) }
}

fn ours(error: impl std::fmt::Display) -> Message {
    Message::new("hearing-ours").with("why", error.to_string())
}

fn schema(payload: &OutboxPayload) -> Schema {
    let table = |(name, table): (&String, &gancho_service::outbox::OutboxPayloadTable)| {
        (name.clone(), Table { columns: table.columns.clone(), key: vec![table.key.clone()], ..Table::default() })
    };
    Schema { tables: payload.tables.iter().map(table).collect(), links: vec![], is_partial: false }
}

fn outbox_row(row: OutboxPayloadRow) -> Option<OutboxRow> {
    let operation = match row.op.as_str() {
        "I" => Operation::Insert,
        "U" => Operation::Update,
        "D" => Operation::Delete,
        _ => return None,
    };
    let OutboxPayloadRow { id, mark, tx, at_ms, table, old: before, new: after, secrets, busy, gone, origin, .. } = row;
    let origin = read_origin(origin.as_deref());
    let transaction = Transaction::parse(tx);
    Some(
        OutboxRow { id, mark, transaction, at_ms, table, operation, before, after, secrets, origin, busy, gone }
            .whole(),
    )
}

/// Changes of users' sessions, by connection and user.
fn sessions(notes: &[OutboxPayloadRow]) -> HashMap<(String, String), ErpSession> {
    let note = |row: &OutboxPayloadRow| {
        let text = |name: &str| row.new.as_ref()?.get(name)?.as_str();
        Some(((row.mark.clone(), text("nick")?.to_owned()), ErpSession::parse(text("session")?)?))
    };
    notes.iter().filter(|row| row.op == "N").filter_map(note).collect()
}

fn documents_read(documents: Vec<gancho_service::outbox::OutboxPayloadDocument>) -> DocumentsRead {
    let mut read = DocumentsRead::default();
    for document in documents {
        let name = (document.table, document.key);
        if let Some(record) = document.record {
            read.documents.insert(name.clone(), record);
        }
        read.lines.insert(name, document.lines);
    }
    read
}

/// An event of another plugin. An invalid type is dropped: it can never be submitted.
fn event(row: &OutboxPayloadRow) -> Option<SubmittedEvent> {
    let event = EventType::parse(&row.table).ok().filter(|event| !event.is_own())?;
    let mut data = row.new.clone().unwrap_or_default();
    if !data.get("object").is_some_and(Value::is_object) {
        data = [("object".to_owned(), Value::Object(data))].into_iter().collect();
    }
    let created = Some(Timestamp::from_ms(row.at_ms));
    Some(SubmittedEvent {
        digest: Digest::default(),
        id: None,
        event,
        data,
        created,
        origin: read_origin(row.origin.as_deref()),
    })
}

#[cfg(test)]
#[path = "plugin_php.rs"]
mod php;
