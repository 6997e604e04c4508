//! Groups the rows of an outbox (a database's or a plugin's) and composes them into changes of records. Pure.

mod change_group;
mod commit_tracker;
mod compose;
mod ended;
mod outbox_row;

pub(crate) use commit_tracker::CommitTracker;
pub(crate) use compose::{Composer, Document, DocumentsRead, row_name};
pub(crate) use outbox_row::{OutboxRow, Transaction, processed_row, read_origin};
