//! Changed permissions: one event for each affected user (EVENTS rule 6).

use std::collections::{BTreeSet, HashSet};

use gancho_model::Record;
use serde_json::Value;

use super::Events;
use crate::{ReferenceData, diff::diff, fold::Folded};

/// Users already reported per burst: deleting a role deletes its rows, all in one user action.
#[derive(Default)]
pub(crate) struct ReportedUsers(HashSet<(String, String)>);

impl ReportedUsers {
    /// Whether this user is not reported yet.
    fn first(&mut self, burst: Option<&String>, nick: &str) -> bool {
        burst.is_none_or(|burst| self.0.insert((burst.clone(), nick.to_owned())))
    }
}

pub(super) fn permission_events(
    folded: &Folded,
    knowledge: &ReferenceData,
    reported: &mut ReportedUsers,
    events: &mut Events<'_>,
) {
    let change = &folded.change;
    let sides: Vec<&Record> = change.before.iter().chain(&change.after).collect();
    if let [before, after] = sides[..]
        && !diff(&change.row.model, None, before, after).is_news
    {
        return;
    }
    let column = |name: &'static str| sides.iter().filter_map(move |row| row.get(name).and_then(Value::as_str));
    let affected: BTreeSet<&str> = if change.row.model == "RoleUser" {
        column("nick").collect()
    } else {
        column("codrole").flat_map(|role| knowledge.members(role)).collect()
    };
    let Some(cause) = sides.last() else { return };
    events.noun = "user";
    for nick in affected {
        if reported.first(change.burst.as_ref(), nick) {
            let cause = Value::Object((*cause).clone());
            events.push_object("permissions_changed", knowledge.user(nick), [("cause", cause)]);
        }
    }
}
