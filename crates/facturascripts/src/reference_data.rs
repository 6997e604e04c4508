//! Reference data of an ERP, needed to interpret changes.

use std::collections::BTreeMap;

use gancho_model::{Change, ObjectKey, Operation, Record};
use serde_json::{Value, json};

/// Models whose rows are remembered because other changes refer to them.
pub const REMEMBERED: &[&str] = &["EstadoDocumento", "User", "RoleUser"];

/// Reference data of one ERP: document states, users, members of roles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceData {
    rows: BTreeMap<ObjectKey, Record>,
}

/// A reference row to store or remove.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferenceRow {
    /// The key of the row.
    pub row: ObjectKey,
    /// The row; `None` if it was deleted.
    pub record: Option<Record>,
}

/// A state of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DocumentState {
    /// Reaching it generates another document.
    pub generates: bool,
    /// Documents in it can be edited.
    pub editable: bool,
}

impl ReferenceData {
    /// From stored rows.
    pub fn from_rows(rows: impl IntoIterator<Item = (ObjectKey, Record)>) -> Self {
        Self { rows: rows.into_iter().collect() }
    }

    /// Whether rows of this model are remembered.
    pub fn is_remembered(model: &str) -> bool {
        REMEMBERED.contains(&model)
    }

    /// The update of reference data in a change, if any.
    pub fn lesson(change: &Change) -> Option<ReferenceRow> {
        if !Self::is_remembered(&change.row.model) {
            return None;
        }
        let record = match change.operation {
            Operation::Delete => None,
            _ => change.after.clone(),
        };
        Some(ReferenceRow { row: change.row.clone(), record })
    }

    /// Stores or removes a row.
    pub fn learn(&mut self, learned: ReferenceRow) {
        match learned.record {
            Some(record) => self.rows.insert(learned.row, record),
            None => self.rows.remove(&learned.row),
        };
    }

    /// The user's record as far as known; at least their `nick`.
    pub(crate) fn user(&self, nick: &str) -> Record {
        let row = ObjectKey { model: "User".into(), key: nick.into() };
        self.rows.get(&row).cloned().unwrap_or_else(|| [("nick".to_owned(), Value::from(nick))].into_iter().collect())
    }

    /// The users known to have this role.
    pub(crate) fn members<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a str> {
        let text = |row: &'a Record, column: &str| row.get(column).and_then(Value::as_str);
        self.rows
            .iter()
            .filter(move |(row, record)| row.model == "RoleUser" && text(record, "codrole") == Some(role))
            .filter_map(move |(_, record)| text(record, "nick"))
    }

    pub(crate) fn document_state(&self, id: i64) -> Option<DocumentState> {
        let row = ObjectKey { model: "EstadoDocumento".into(), key: id.to_string() };
        match self.rows.get(&row) {
            Some(record) => Some(DocumentState {
                generates: record.get("generadoc").and_then(Value::as_str).is_some_and(|model| !model.is_empty()),
                editable: record.get("editable").and_then(Value::as_bool).unwrap_or(true),
            }),
            None => new_installation(id),
        }
    }
}

/// The states of a new installation, until its own are loaded: those that generate a document, and those that are
/// editable.
const GENERATE: [i64; 10] = [2, 5, 8, 13, 16, 19, 24, 25, 26, 27];
const EDITABLE: [i64; 8] = [1, 4, 7, 10, 12, 15, 18, 21];
const LAST: i64 = 27;

fn new_installation(id: i64) -> Option<DocumentState> {
    (1..=LAST)
        .contains(&id)
        .then(|| DocumentState { generates: GENERATE.contains(&id), editable: EDITABLE.contains(&id) })
}

/// The same, for the plugin.
pub(crate) fn new_states() -> Value {
    json!({"last": LAST, "generate": GENERATE, "editable": EDITABLE})
}
