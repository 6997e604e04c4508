//! Approved: a document reached a state that generates another document or is not editable (EVENTS rule 3).

use serde_json::Value;

use super::{Events, previous, update};
use crate::{ReferenceData, catalogue, fold::Folded};

pub(super) fn document_events(folded: &Folded, invoice: bool, knowledge: &ReferenceData, events: &mut Events<'_>) {
    let Some((before, after, diff)) = update(folded, catalogue::find(&folded.change.row.model)) else { return };
    let state = |record: &gancho_model::Record| record.get("idestado").and_then(Value::as_i64);
    let (Some(old), Some(new)) = (state(before), state(after)) else { return };
    let Some(reached) = knowledge.document_state(new).filter(|_| old != new) else { return };
    if reached.generates || (invoice && !reached.editable) {
        events.push("approved", previous(diff));
    }
}
