use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{
    Attempt, Decision, DeliveryId, EndedAttempt, Endpoint, EndpointId, HealthTransition, Moment, MonoTime, NodeId,
    Priority,
};

use crate::{Claimed, DeliveryNotifier, StoreError};

/// What the engine asks of the store.
#[async_trait]
pub trait Delivering: Send + Sync {
    /// Notifies it from now on. What is accepted may go straight to it, under its node's lease.
    fn attach(&self, notifier: Arc<dyn DeliveryNotifier>);

    /// A node starts: frees the leases that dead nodes left, and plans anew what waits: nothing later than the delay of
    /// its own next attempt from now, since a dead process had another clock. Returns how many leases were freed.
    async fn take_over(&self, node: NodeId, now: MonoTime) -> Result<u64, StoreError>;

    /// All endpoints that are not removed.
    async fn all_endpoints(&self) -> Result<Vec<Endpoint>, StoreError>;

    /// The earliest due delivery of each endpoint and lane that has any.
    async fn due(&self) -> Result<Vec<Due>, StoreError>;

    /// Leases due deliveries to a node, oldest due first, at most as many as wanted of each queue; and says when the
    /// next of each queue is due.
    async fn claim(&self, node: NodeId, wants: Vec<Want>, now: MonoTime) -> Result<Claims, StoreError>;

    /// Gives leases back before their attempts began: those deliveries are due again. A lease that ended or was
    /// taken by somebody else meanwhile is left alone.
    async fn release(&self, node: NodeId, leases: Vec<Release>) -> Result<(), StoreError>;

    /// Records attempts, each with what becomes of its delivery and its endpoint's health. Where the node does not hold
    /// the delivery's lease any more, the attempt is kept, and that it arrived; what else follows is for the node that
    /// holds it.
    async fn record(&self, node: NodeId, outcomes: Arc<[Outcome]>) -> Result<Vec<HealthChange>, StoreError>;
}

/// Something waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// For whom.
    pub endpoint: EndpointId,
    /// In which queue.
    pub lane: Priority,
    /// From when on it may go.
    pub at: MonoTime,
}

/// A lease to give back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The store's handle of the delivery.
    pub handle: i64,
    /// Whose.
    pub endpoint: EndpointId,
    /// The queue it waited in.
    pub lane: Priority,
    /// Until when it was leased: names the lease.
    pub lease_until: MonoTime,
    /// Not to be claimed again before this time; nothing: as it was due.
    pub not_before: Option<MonoTime>,
}

/// What was claimed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// The deliveries.
    pub claimed: Vec<Claimed>,
    /// For each queue that was asked for and still holds something: when its next is due, or its
    /// first lease ends.
    pub due: Vec<Due>,
}

/// How much the engine takes of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Whose.
    pub endpoint: EndpointId,
    /// Which queue.
    pub lane: Priority,
    /// At most so many.
    pub limit: u32,
    /// Leased until then.
    pub lease_until: MonoTime,
    /// A probe: what has waited longest, due or not.
    pub probe: bool,
}

/// An attempt that ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// The store's handle of it.
    pub handle: i64,
    /// Whose.
    pub endpoint: EndpointId,
    /// The queue it waited in.
    pub lane: Priority,
    /// Until when it was leased: names the lease.
    pub lease_until: MonoTime,
    /// Attempts that it might have when this one began: more by now means that a person asked for more.
    pub max_attempts: u32,
    /// The attempt.
    pub attempt: Attempt,
    /// What becomes of the delivery.
    pub verdict: Decision,
    /// The URL that was called. If the endpoint has another by now, its health is not touched.
    pub url: Arc<str>,
    /// The receiver answered `410 Gone`: disable the endpoint.
    pub gone: bool,
    /// When it ended.
    pub ended_at: Moment,
    /// The jitter of the next probe, `0.0..1.0`.
    pub jitter: f64,
    /// How many probes had been asked for when it began.
    pub probe_request: u32,
}

impl Outcome {
    /// The same, for what decides about the endpoint.
    pub(crate) fn ended(&self) -> EndedAttempt<'_> {
        let error = self.attempt.error.as_ref();
        EndedAttempt {
            delivery: self.delivery,
            decision: self.verdict,
            priority: self.lane,
            url: &self.url,
            gone: self.gone,
            status: self.attempt.status_code,
            error: error.map(|error| error.kind),
            message: error.map(|error| error.message.as_str()),
            ended_at: self.ended_at,
            jitter: self.jitter,
            probe_request: self.probe_request,
        }
    }
}

/// An endpoint that took a turn for the worse or better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// Which.
    pub endpoint: EndpointId,
    /// How.
    pub transition: HealthTransition,
}
