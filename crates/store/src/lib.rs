//! Where Gancho's things rest.
//!
//! [`Store`] is a set of verbs, each named by what its caller means and each a transaction of its
//! own. There is no `begin`: nothing outside can hold a transaction open, least of all over a
//! network call. Every verb that needs the time is given `now`.

pub mod copy;
mod error;
mod notifier;
pub mod postgres;
mod side;
pub mod sqlite;
mod stored;
pub mod vault;
mod verbs;

pub use error::StoreError;
pub use notifier::{Claimed, DeliveryNotifier};
pub use verbs::{
    accept::{
        Accepted, Accepting, CustomerUpdate, EndpointSnapshot, IdempotencyKey, IdempotencyKind, NewEvent, ProcessedRow,
        ReferenceRows, ReferenceUpdate, StoredResponse, Submission,
    },
    access::{Access, UserChange},
    bin::Bins,
    consumer::Consumers,
    deliver::{Claims, Delivering, Due, HealthChange, Outcome, Release, Want},
    endpoint::{EndpointBacklog, Endpoints, Replay, Replayed},
    history::History,
    issue::Issues,
    job::{Job, JobCounts, JobState, JobStep, Jobs, NewJob},
    lease::{Lease, Leases},
    log::{Bulk, BulkAct, BulkDone, DeliveryFilter, EventFilter, Log, Page},
    node::{Node, Nodes},
    personal_data::{Erased, PersonalData},
    search::{Search, SearchHits},
    setting::Settings,
    snapshot::{RecordSnapshot, SnapshotUpdate, Snapshots},
    source::Sources,
    stats::{FAILED_MAX, Stats},
    upkeep::{DeadRows, OldSnapshot, Pruned, Upkeep, Vitals},
};

/// Names the sections of [`Store`] once, for the trait and for all that implement them.
macro_rules! store {
    ($first:ident $(+ $section:ident)*) => {
        /// Everything that rests: one trait to hand around, sections by who uses them.
        pub trait Store: $first $(+ $section)* {}

        impl<T> Store for T where T: $first $(+ $section)* {}
    };
}

store!(
    Accepting
        + Access
        + Bins
        + Consumers
        + Delivering
        + Endpoints
        + History
        + Issues
        + Jobs
        + Leases
        + Log
        + Nodes
        + PersonalData
        + Search
        + Settings
        + Snapshots
        + Sources
        + Stats
        + Upkeep
);
