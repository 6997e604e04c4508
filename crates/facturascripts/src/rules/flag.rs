//! Paid and due: a flag changed, whatever changed it (EVENTS rules 2 and 4).

use gancho_model::{Operation, Record};
use serde_json::Value;

use super::{Events, previous, update};
use crate::{catalogue, fold::Folded};

pub(super) fn flag_events(folded: &Folded, paid: &str, due: &str, events: &mut Events<'_>) {
    let on = |record: &Record, flag: &str| record.get(flag) == Some(&Value::Bool(true));
    let off = |record: &Record, flag: &str| record.get(flag) == Some(&Value::Bool(false));
    if let (Operation::Insert, Some(after)) = (folded.change.operation, &folded.change.after) {
        if on(after, paid) {
            events.push("paid", []);
        }
        return; // a cash invoice is created due: not an event
    }
    let Some((before, after, _)) = update(folded, None) else { return };
    let turned = |flag: &str| off(before, flag) && on(after, flag);
    let unpaid = on(before, paid) && off(after, paid);
    let model = catalogue::find(&folded.change.row.model);
    let push = |verb: &str, events: &mut Events<'_>| {
        if let Some((_, _, diff)) = update(folded, model) {
            events.push(verb, previous(diff));
        }
    };
    if turned(paid) {
        push("paid", events);
    }
    if unpaid {
        push("unpaid", events);
    } else if turned(due) {
        push("overdue", events);
    }
}
