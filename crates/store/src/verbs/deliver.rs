use std::sync::Arc;

use async_trait::async_trait;
use gancho_model::{
    Attempt, Decision, DeliveryId, EndedAttempt, Endpoint, EndpointId, HealthTransition, Moment, MonoTime, NodeId,
    Priority,
};

use crate::{Claimed, DeliveryNotifier, StoreError};

/// What the engine needs from the store.
#[async_trait]
pub trait Delivering: Send + Sync {
    /// Attaches the notifier. Accepted deliveries may be enqueued directly, leased by its node.
    fn attach(&self, notifier: Arc<dyn DeliveryNotifier>);

    /// Called when a node starts: frees the leases of dead nodes, and reschedules pending deliveries, none later than
    /// the delay of its next attempt from now, since a dead process had another clock. Returns the number of freed
    /// leases.
    async fn take_over(&self, node: NodeId, now: MonoTime) -> Result<u64, StoreError>;

    /// All endpoints that are not removed.
    async fn all_endpoints(&self) -> Result<Vec<Endpoint>, StoreError>;

    /// The earliest due delivery of each endpoint and queue.
    async fn due(&self) -> Result<Vec<Due>, StoreError>;

    /// Leases due deliveries to a node, the longest due first, up to the limit of each queue; and returns when the next
    /// delivery of each queue is due.
    async fn claim(&self, node: NodeId, wants: Vec<Want>, now: MonoTime) -> Result<Claims, StoreError>;

    /// Releases leases before their attempts began: the deliveries are due again. Has no effect on a lease that ended
    /// or was taken by another node.
    async fn release(&self, node: NodeId, leases: Vec<Release>) -> Result<(), StoreError>;

    /// Records attempts and their effects on deliveries and endpoints' health. If the node no longer holds the
    /// delivery's lease, only the attempt and a success are recorded; the rest is up to the node that holds it.
    async fn record(&self, node: NodeId, outcomes: Arc<[Outcome]>) -> Result<Vec<HealthChange>, StoreError>;
}

/// A due delivery of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its queue.
    pub lane: Priority,
    /// When it becomes due.
    pub at: MonoTime,
}

/// A lease to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    /// The store's row number of the delivery.
    pub handle: i64,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its queue.
    pub lane: Priority,
    /// End of the lease, which identifies it.
    pub lease_until: MonoTime,
    /// Not to be claimed again before this time; `None` keeps its due time.
    pub not_before: Option<MonoTime>,
}

/// The result of a claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// The deliveries.
    pub claimed: Vec<Claimed>,
    /// For each requested queue that is not empty: when its next delivery is due, or its first lease ends.
    pub due: Vec<Due>,
}

/// How many deliveries the engine accepts from one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The queue.
    pub lane: Priority,
    /// Maximum deliveries.
    pub limit: u32,
    /// End of the leases.
    pub lease_until: MonoTime,
    /// A probe: claim the oldest delivery, due or not.
    pub probe: bool,
}

/// An attempt that ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its delivery.
    pub delivery: DeliveryId,
    /// The store's row number of the delivery.
    pub handle: i64,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its queue.
    pub lane: Priority,
    /// End of the lease, which identifies it.
    pub lease_until: MonoTime,
    /// The delivery's maximum attempts when this one began: a higher value now means that a user asked for more.
    pub max_attempts: u32,
    /// The attempt.
    pub attempt: Attempt,
    /// The next state of the delivery.
    pub verdict: Decision,
    /// The URL that was called. If the endpoint's URL has changed, its health is not updated.
    pub url: Arc<str>,
    /// The receiver answered `410 Gone`: disable the endpoint.
    pub gone: bool,
    /// When it ended.
    pub ended_at: Moment,
    /// The jitter of the next probe, `0.0..1.0`.
    pub jitter: f64,
    /// The endpoint's probe request number when it began.
    pub probe_request: u32,
}

impl Outcome {
    /// The data of the attempt that determines the endpoint's health.
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

/// A change of an endpoint's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthChange {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The transition.
    pub transition: HealthTransition,
}
