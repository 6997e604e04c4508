use gancho_model::{Change, Operation};
use gancho_store::SnapshotUpdate;

/// A difference that was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RecordDiff {
    /// The new snapshot.
    pub snapshot: SnapshotUpdate,
    /// The change to report; `None` if only the snapshot changes.
    pub change: Option<Change>,
}

impl RecordDiff {
    /// Whether it has no earlier snapshot.
    pub fn is_new(&self) -> bool {
        self.change.as_ref().is_some_and(|change| change.operation == Operation::Insert)
    }
}
