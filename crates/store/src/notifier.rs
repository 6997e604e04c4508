use async_trait::async_trait;
use bytes::Bytes;
use gancho_model::{DeliveryId, EndpointId, EventId, EventType, Health, MonoTime, Priority};

/// A delivery under this node's lease: all that an attempt needs but the endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// The delivery.
    pub id: DeliveryId,
    /// The store's own handle of it, to record the outcome without looking for it.
    pub handle: i64,
    /// Where to.
    pub endpoint: EndpointId,
    /// The queue it waited in.
    pub lane: Priority,
    /// Attempts made so far.
    pub attempts: u32,
    /// Attempts that it may have.
    pub max_attempts: u32,
    /// Until when nobody else takes it.
    pub lease_until: MonoTime,
    /// The event.
    pub event_id: EventId,
    /// Its type.
    pub event: EventType,
    /// Its place in the feed; 0 if it has none.
    pub sequence: u64,
    /// The bytes to sign and send.
    pub body: Bytes,
}

/// How the store notifies the engine of work, after the commit, never before.
#[async_trait]
pub trait DeliveryNotifier: Send + Sync {
    /// Asks the engine whether it takes one more delivery of this endpoint at once. If so, it
    /// keeps a place for it, and the delivery is stored under a lease until the time given.
    fn reserve(&self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime>;

    /// Hands over what was reserved and is committed now.
    fn enqueue(&self, claimed: Vec<Claimed>);

    /// Gives a place back: what was reserved for it was not committed.
    fn cancel_reservation(&self, endpoint: EndpointId);

    /// A delivery was cancelled: it is not to be sent, unless its attempt has begun.
    fn forget(&self, endpoint: EndpointId, delivery: DeliveryId);

    /// Something in this queue of the endpoint is due at this time, or earlier than was known.
    fn due(&self, endpoint: EndpointId, lane: Priority, at: MonoTime);

    /// Endpoints were added, changed or removed: read them again.
    fn endpoints_changed(&self);

    /// The health of endpoints changed, and nothing else of them.
    fn health_changed(&self, changed: Vec<(EndpointId, Health)>);

    /// Somebody is about to look at deliveries, or to change them: outcomes that wait for more are recorded first. Returns
    /// when they are, when the store can't write, or after a second.
    async fn settle(&self);
}
