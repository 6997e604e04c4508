//! Created, updated, deleted.

use gancho_model::{Operation, Payload};
use serde_json::Value;

use super::{Events, previous, update};
use crate::{
    catalogue::{Kind, Model},
    fold::Folded,
};

pub(super) fn record_events(folded: &Folded, model: &Model, events: &mut Events<'_>) {
    let created = if model.kind == Kind::Payment { "recorded" } else { "created" };
    match folded.change.operation {
        Operation::Insert => events.push(created, []),
        Operation::Delete => events.push("deleted", []),
        Operation::Update => match update(folded, Some(model)) {
            Some((_, _, diff)) if diff.is_news => events.push("updated", previous(diff)),
            Some(_) => {}
            // An update with only the new row may be a relevant change.
            None => events.push("updated", []),
        },
    }
}

/// A model outside the catalogue that a source includes.
pub(super) fn other_model(folded: &Folded) -> Vec<Payload> {
    let mut events = Events { folded, noun: "model", out: vec![] };
    let model = ("model", Value::from(folded.change.row.model.clone()));
    match (folded.change.operation, update(folded, None)) {
        (Operation::Delete, _) => events.push("deleted", [model]),
        (Operation::Update, Some((_, _, diff))) if !diff.is_news => {}
        (Operation::Update, Some((_, _, diff))) => events.push("saved", previous(diff).into_iter().chain([model])),
        _ => events.push("saved", [model]),
    }
    events.out
}
