//! Users: sessions, passwords, enabling and disabling (EVENTS rule 6).

use gancho_model::ErpSession;
use serde_json::{Value, json};

use super::{Events, previous, record, update};
use crate::{catalogue::Model, fold::Folded};

pub(super) fn user_events(folded: &Folded, model: &Model, events: &mut Events<'_>) {
    let Some((before, after, diff)) = update(folded, Some(model)) else {
        return record::record_events(folded, model, events);
    };
    let enabled = |record: &gancho_model::Record| record.get("enabled").and_then(Value::as_bool);
    let (was, is) = (enabled(before), enabled(after));
    let changed: Vec<&String> = folded.changed_secrets.iter().filter(|column| *column != "logkey").collect();
    if diff.is_news || !changed.is_empty() {
        let mut extra: Vec<_> = vec![];
        if !diff.previous.is_empty() {
            extra.extend(previous(diff));
        }
        if !changed.is_empty() {
            extra.push(("changed", json!(changed)));
        }
        events.push("updated", extra);
    }
    match (was, is) {
        (Some(false), Some(true)) => events.push("enabled", []),
        (Some(true), Some(false)) => events.push("disabled", []),
        _ => {}
    }
    // The database can't distinguish a login from a logout: both replace the session key.
    match (folded.change.session, folded.changed_secrets.contains("logkey")) {
        (Some(ErpSession::Login), _) => events.push("login", []),
        (Some(ErpSession::Logout), _) => events.push("logout", []),
        (None, true) => events.push("session_changed", []),
        (None, false) => {}
    }
}
