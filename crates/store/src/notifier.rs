use async_trait::async_trait;
use bytes::Bytes;
use gancho_model::{DeliveryId, EndpointId, EventId, EventType, Health, MonoTime, Priority};

/// A delivery leased by this node: everything that an attempt needs except the endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The delivery.
    pub id: DeliveryId,
    /// The store's row number, to record the outcome without a lookup.
    pub handle: i64,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// Its queue.
    pub lane: Priority,
    /// Attempts made so far.
    pub attempts: u32,
    /// Maximum attempts.
    pub max_attempts: u32,
    /// End of the lease; no other claim succeeds before it.
    pub lease_until: MonoTime,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event: EventType,
    /// Its number in the feed; 0 if it has none.
    pub sequence: u64,
    /// The bytes to sign and send.
    pub body: Bytes,
}

/// How the store notifies the engine of work, after the commit, never before.
#[async_trait]
pub trait DeliveryNotifier: Send + Sync {
    /// Reserves a slot for one more delivery of this endpoint. If the engine has one free, the delivery is stored under
    /// a lease until the returned time.
    fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime>;

    /// Enqueues deliveries whose slots were reserved, now that they are committed.
    fn enqueue(&self, claimed: Vec<Claimed>);

    /// Cancels a reservation: its delivery was not committed.
    fn cancel_reservation(&self, endpoint: EndpointId);

    /// A delivery was cancelled: don't send it unless its attempt has begun.
    fn forget(&self, endpoint: EndpointId, delivery: DeliveryId);

    /// A delivery in this queue of the endpoint is due at this time, or earlier than known.
    fn due(&self, endpoint: EndpointId, lane: Priority, at: MonoTime);

    /// Endpoints were added, changed or removed: read them again.
    fn endpoints_changed(&self);

    /// Only the health of these endpoints changed.
    fn health_changed(&self, changed: Vec<(EndpointId, Health)>);

    /// Flushes outcomes that wait to be recorded in a batch, before deliveries are read or changed. Returns once they
    /// are recorded, when the store can't write, or after a second.
    async fn settle(&self);
}
