//! Gancho's persistent state.
//!
//! [`Store`] is a set of methods; each is a transaction of its own. There is no `begin`: callers can't hold a
//! transaction open, for example during a network call. Methods that need the time take `now`.

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

/// Lists the sections of [`Store`] once, for the trait and its implementations.
macro_rules! store {
    ($first:ident $(+ $section:ident)*) => {
        /// The whole store: one trait to pass around, with sections by caller.
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
