//! Interprets a change by the kind of its model (EVENTS, rules 2 to 11).

mod document;
mod flag;
mod permission;
mod record;
mod stock;
mod user;

use gancho_model::{EventType, Operation, Payload, Record};
use serde_json::{Map, Value};

use crate::{
    ReferenceData,
    catalogue::{self, Kind, Model},
    diff::{Diff, diff},
    fold::Folded,
    label::label,
};

pub(crate) use permission::ReportedUsers;

/// The events of one change, in order.
pub(crate) fn events(folded: &Folded, knowledge: &ReferenceData, reported: &mut ReportedUsers) -> Vec<Payload> {
    let Some(model) = catalogue::find(&folded.change.row.model) else {
        return record::other_model(folded);
    };
    let mut events = Events { folded, noun: model.noun, out: vec![] };
    match model.kind {
        Kind::Permission => permission::permission_events(folded, knowledge, reported, &mut events),
        Kind::User => user::user_events(folded, model, &mut events),
        kind => {
            record::record_events(folded, model, &mut events);
            if let Some([paid, due]) = kind.flags() {
                flag::flag_events(folded, paid, due, &mut events);
            }
            match kind {
                Kind::Document { invoice } => document::document_events(folded, invoice, knowledge, &mut events),
                Kind::Stock => stock::stock_events(folded, &mut events),
                _ => {}
            }
        }
    }
    events.out
}

/// Collects the events of one change.
struct Events<'a> {
    folded: &'a Folded,
    noun: &'a str,
    out: Vec<Payload>,
}

impl Events<'_> {
    /// Adds `noun.verb` for the change's own record.
    fn push(&mut self, verb: &str, extra: impl IntoIterator<Item = (&'static str, Value)>) {
        let change = &self.folded.change;
        let object = change.after.as_ref().or(change.before.as_ref()).cloned().unwrap_or_default();
        self.push_object(verb, object, extra);
    }

    /// Adds `noun.verb` for another record.
    fn push_object(&mut self, verb: &str, object: Record, extra: impl IntoIterator<Item = (&'static str, Value)>) {
        let mut data: Map<String, Value> = extra.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        data.insert("object".into(), Value::Object(object));
        let name = format!("{}.{verb}", self.noun);
        // The catalogue's nouns and verbs form valid types; a test checks all of them.
        let Ok(event) = EventType::parse(&name) else { return };
        let change = &self.folded.change;
        let label = data.get("object").and_then(Value::as_object).and_then(label);
        self.out.push(Payload { event, data, object: Some(change.row.clone()), label, at: change.at });
    }
}

/// The two sides of an update and their difference; `None` for inserts and deletes.
fn update<'a>(folded: &'a Folded, model: Option<&Model>) -> Option<(&'a Record, &'a Record, Diff)> {
    let change = &folded.change;
    match (change.operation, &change.before, &change.after) {
        (Operation::Update, Some(before), Some(after)) => {
            Some((before, after, diff(&change.row.model, model, before, after)))
        }
        _ => None,
    }
}

/// The update's old values as `previous`.
fn previous(diff: Diff) -> [(&'static str, Value); 1] {
    [("previous", Value::Object(diff.previous))]
}
