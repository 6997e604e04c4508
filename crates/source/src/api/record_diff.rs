use gancho_model::{Change, Operation};
use gancho_store::SnapshotUpdate;

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordDiff {
    /// How the record looks now.
    pub snapshot: SnapshotUpdate,
    /// What that means; nothing for what is only noted.
    pub change: Option<Change>,
}

impl RecordDiff {
    /// Whether it was never seen before.
    pub fn is_new(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.operation == Operation::Insert)
    }
}
