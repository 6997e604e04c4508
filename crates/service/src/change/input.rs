use gancho_intake::{SubmittedChange, digest};
use gancho_model::{Change, ErpSession, Message, ObjectKey, Operation, SourceId, limits::BATCH_MAX};

use crate::input::{AnyTime, ClientId, Fields, Items, Model, Object, OriginInput, RowKey, Sent, Text, input};

input! {
    /// Changes of one ERP, in the order in which they happened.
    pub struct ChangesInput {
        /// The changes.
        pub changes: Items<Sent<ChangeInput>, 1, BATCH_MAX>,
    }
}

input! {
    /// What happened to one row.
    pub struct ChangeInput {
        /// Your own name for it, by which a repeat is recognised for 30 days.
        pub id: Option<ClientId>,
        /// The ERP's model, or a table's name.
        pub model: Model,
        /// `insert`, `update` or `delete`.
        pub operation: Operation,
        /// The primary key, a text or a number.
        pub key: RowKey,
        /// The row before; on deletes, and on updates as far as it is known.
        pub before: Option<Object>,
        /// The row after; on inserts and updates. Documents carry their `lines`.
        pub after: Option<Object>,
        /// When: RFC 3339, or Unix seconds.
        pub at: Option<AnyTime>,
        /// Changes of the same burst and row are one change.
        pub burst: Option<Text<1, 100>>,
        /// Of users whose session changed: `login` or `logout`, if that is known.
        pub session: Option<ErpSession>,
        /// Who wrote it, if that is known.
        pub origin: Option<OriginInput>,
    }
    check has_its_row;
    variants &[("operation", &["insert", "update"], &["after"]), ("operation", &["delete"], &["before"])];
}

/// The row before or after that an operation requires.
fn has_its_row(fields: &mut Fields<'_, '_>) {
    match fields.get("operation").and_then(|word| word.as_str()).and_then(Operation::parse) {
        Some(Operation::Insert | Operation::Update) if fields.get("after").is_none() => {
            fields.wrong("after", Message::new("error-after"));
        }
        Some(Operation::Delete) if fields.get("before").is_none() => {
            fields.wrong("before", Message::new("error-before"));
        }
        _ => {}
    }
}

/// A change of a source's ERP.
pub(super) fn submitted(source: SourceId, sent: Sent<ChangeInput>) -> SubmittedChange {
    let text = sent.text.map(|text| format!("{source} {text}"));
    let input = sent.input;
    let change = Change {
        id: input.id.map(|id| id.0),
        row: ObjectKey { model: input.model.0, key: input.key.0 },
        operation: input.operation,
        before: input.before.map(|row| row.0),
        after: input.after.map(|row| row.0),
        at: input.at.map(|time| time.0),
        burst: input.burst.map(|burst| burst.0),
        session: input.session,
        origin: input.origin.map(Into::into),
    };
    SubmittedChange { change, digest: text.map(|text| digest(text.as_bytes())).unwrap_or_default() }
}
