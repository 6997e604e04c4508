//! The engine's in-memory state: a bounded scheduler of leased deliveries, fair across endpoints. Pure: it is given
//! events and times, and returns actions.

#[cfg(test)]
mod bench;
mod in_flight;
#[cfg(test)]
mod properties;
mod queue;
mod rate;
mod slots;
mod target;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use gancho_model::{DeliveryId, Endpoint, EndpointId, Health, MonoTime, Priority};
use gancho_store::{Claimed, Claims, Due, Release, Want};

use queue::EndpointQueue;
use slots::Slots;
pub(crate) use target::Target;

/// Maximum deliveries held.
const HELD_MAX: u32 = 8192;
/// Maximum bytes of bodies held: no reservations beyond.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// Assumed size of a delivery before its body is known: an eighth of the largest.
const CLAIMED_BYTES: usize = 32 * 1024;

/// Limits of the scheduler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchedulerLimits {
    /// Maximum concurrent attempts.
    pub in_flight: u32,
    /// Maximum concurrent attempts per endpoint, unless it sets its own.
    pub in_flight_per_endpoint: u32,
}

/// The scheduler.
pub(crate) struct Scheduler {
    limits: SchedulerLimits,
    queues: HashMap<EndpointId, EndpointQueue>,
    /// Endpoints that may start an attempt, each once, in round-robin order.
    ready: VecDeque<EndpointId>,
    slots: Slots,
    held: u32,
    bytes: usize,
    /// Leases to release in the store.
    released: Vec<Release>,
    /// Where the last round of claims started.
    first: usize,
    closing: bool,
}

impl Scheduler {
    pub fn new(limits: SchedulerLimits) -> Self {
        let (queues, ready) = (HashMap::new(), VecDeque::new());
        let slots = Slots::new(limits.in_flight);
        Self { limits, queues, ready, slots, held: 0, bytes: 0, released: vec![], first: 0, closing: false }
    }

    /// Starts no more attempts.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> u32 {
        self.slots.in_flight()
    }

    /// Replaces the endpoints. Removed ones lose their deliveries here; these stay in the store.
    pub fn set_endpoints(&mut self, endpoints: Vec<Endpoint>, now: MonoTime) {
        let mut old = std::mem::take(&mut self.queues);
        for endpoint in endpoints {
            let id = endpoint.id;
            let target = Arc::new(Target::new(endpoint));
            let mut queue = match old.remove(&id) {
                Some(mut queue) => {
                    queue.set_target(target, now);
                    queue
                }
                None => {
                    let mut queue = EndpointQueue::new(target, self.limits.in_flight_per_endpoint, now);
                    // Notifications may have preceded the endpoint: one claim finds out.
                    Priority::ALL.iter().for_each(|lane| queue.due(*lane, now));
                    queue
                }
            };
            let (leases, bytes) = queue.release(now);
            self.queues.insert(id, queue);
            self.release(leases, bytes);
            self.mark(id, now);
        }
        for mut queue in old.into_values() {
            queue.forget_slots(&mut self.slots);
            self.held = self.held.saturating_sub(queue.places());
            self.bytes = self.bytes.saturating_sub(queue.bytes());
        }
    }

    /// The health of these changed: their waiting deliveries may start now, or are released.
    pub fn set_health(&mut self, changed: Vec<(EndpointId, Health)>, now: MonoTime) {
        for (id, health) in changed {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            queue.set_health(health, now);
            let (leases, bytes) = queue.release(now);
            self.release(leases, bytes);
            self.mark(id, now);
        }
    }

    /// Reserves a slot for one more delivery of this endpoint, if possible.
    pub fn reserve(&mut self, endpoint: EndpointId, now: MonoTime) -> Option<MonoTime> {
        if self.closing || self.held >= HELD_MAX || self.bytes >= BYTES_MAX {
            return None;
        }
        let roomy = self.is_roomy();
        let lease = self.queues.get_mut(&endpoint)?.reserve(now, roomy, &self.slots)?;
        self.held += 1;
        Some(lease)
    }

    pub fn cancel_reservation(&mut self, endpoint: EndpointId) {
        if let Some(queue) = self.queues.get_mut(&endpoint) {
            queue.cancel_reservation();
            self.held = self.held.saturating_sub(1);
        }
    }

    /// Enqueues reserved deliveries that are now committed.
    pub fn enqueue(&mut self, claimed: Vec<Claimed>, now: MonoTime) {
        for one in claimed {
            let (id, size) = (one.endpoint, one.body.len());
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.take_reserved(one);
                self.bytes += size;
                self.mark(id, now);
            }
        }
    }

    /// A delivery in the store becomes due at this time.
    pub fn due(&mut self, due: Due) {
        if let Some(queue) = self.queues.get_mut(&due.endpoint) {
            queue.due(due.lane, due.at);
        }
    }

    fn let_go(&mut self, dropped: u32, bytes: usize) {
        self.held = self.held.saturating_sub(dropped);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn release(&mut self, leases: Vec<Release>, bytes: usize) {
        self.let_go(leases.len() as u32, bytes);
        self.released.extend(leases);
    }

    /// Leases to release in the store, each returned once.
    pub fn take_released(&mut self) -> Vec<Release> {
        std::mem::take(&mut self.released)
    }

    /// This machine lacked a resource for an attempt: it does not count, and the delivery is released.
    pub fn withdraw(&mut self, claimed: &Claimed, not_before: MonoTime) {
        self.bytes = self.bytes.saturating_sub(claimed.body.len());
        if let Some(queue) = self.queues.get_mut(&claimed.endpoint) {
            self.released.push(queue.withdraw(claimed, not_before, &mut self.slots));
            self.held = self.held.saturating_sub(1);
        }
    }

    /// How many more may be claimed: sizes are unknown before, so large bodies are assumed.
    fn room(&self) -> u32 {
        let by_size = BYTES_MAX.saturating_sub(self.bytes) / CLAIMED_BYTES;
        HELD_MAX.saturating_sub(self.held).min(u32::try_from(by_size).unwrap_or(u32::MAX))
    }

    /// Whether an endpoint may hold more than it needs.
    fn is_roomy(&self) -> bool {
        self.held < HELD_MAX / 2 && self.bytes < BYTES_MAX / 2
    }

    /// A delivery was cancelled: don't send it unless its attempt has begun.
    pub fn forget(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if let Some(bytes) = self.queues.get_mut(&endpoint).and_then(|queue| queue.forget(delivery)) {
            self.let_go(1, bytes);
        }
    }

    /// What to claim now.
    pub fn wants(&mut self, now: MonoTime) -> Vec<Want> {
        if self.closing {
            return vec![];
        }
        let (mut leases, mut bytes) = (vec![], 0);
        for queue in self.queues.values_mut() {
            queue.repace(now, &mut self.slots);
            let (more, larger) = queue.release(now);
            leases.extend(more);
            bytes += larger;
        }
        self.release(leases, bytes);
        let (mut room, roomy, mut slots) = (self.room(), self.is_roomy(), self.slots);
        // The room is split among endpoints: their backlogs are unknown before.
        let asking = self.queues.values().filter(|queue| queue.is_asking(now)).count() as u32;
        let part = (room / asking.max(1)).max(1);
        let mut wants = vec![];
        // Start with another endpoint each time: the room may not suffice for all.
        self.first = (self.first + 1) % self.queues.len().max(1);
        for (skipped, taken) in [(self.first, usize::MAX), (0, self.first)] {
            for queue in self.queues.values_mut().skip(skipped).take(taken) {
                for lane in Priority::ALL {
                    if let Some(want) = queue.want(*lane, now, part.min(room), roomy, &mut slots) {
                        room = room.saturating_sub(want.limit);
                        wants.push(want);
                    }
                }
            }
        }
        wants
    }

    /// Adds claimed deliveries. Those already held (their lease expired because of a slow store) are skipped.
    pub fn claimed(&mut self, wants: &[Want], claims: Claims, now: MonoTime) {
        for want in wants {
            if let Some(queue) = self.queues.get_mut(&want.endpoint) {
                let of_it = |one: &&Claimed| one.endpoint == want.endpoint && one.lane == want.lane;
                let due = claims.due.iter().find(|due| due.endpoint == want.endpoint && due.lane == want.lane);
                queue.claim_ended(want, claims.claimed.iter().filter(of_it).count(), due.map(|due| due.at));
            }
        }
        for due in claims.due {
            self.due(due);
        }
        for one in claims.claimed {
            let (id, size) = (one.endpoint, one.body.len());
            if let Some(queue) = self.queues.get_mut(&id)
                && queue.take_claimed(one)
            {
                self.held += 1;
                self.bytes += size;
                self.mark(id, now);
            }
        }
    }

    /// The next attempt to start, if any.
    pub fn start(&mut self, now: MonoTime) -> Option<(Arc<Target>, Claimed)> {
        while self.slots.are_free() && !self.closing {
            let id = self.ready.pop_front()?;
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            queue.queued = false;
            let (leases, bytes) = queue.release(now);
            let started = queue.start(now, &mut self.slots);
            self.release(leases, bytes);
            let Some(started) = started else { continue };
            self.mark(id, now);
            return Some(started);
        }
        None
    }

    /// An attempt ended and goes to the recorder.
    pub fn ended(&mut self, claimed: &Claimed, success: bool) {
        if let Some(queue) = self.queues.get_mut(&claimed.endpoint) {
            queue.ended(success);
        }
    }

    /// Frees its slot. Returns whether to claim more for this endpoint now.
    pub fn finished(&mut self, claimed: &Claimed, duration_ms: u32, now: MonoTime) -> bool {
        self.bytes = self.bytes.saturating_sub(claimed.body.len());
        let roomy = self.is_roomy();
        let Some(queue) = self.queues.get_mut(&claimed.endpoint) else { return false };
        queue.finished(claimed.id, duration_ms, now, &mut self.slots);
        let is_short = queue.is_short(now, roomy);
        self.mark(claimed.endpoint, now);
        is_short
    }

    /// The outcome is recorded.
    pub fn recorded(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if let Some(queue) = self.queues.get_mut(&endpoint)
            && queue.recorded(delivery)
        {
            self.held = self.held.saturating_sub(1);
        }
    }

    /// Queues every endpoint that may start an attempt.
    pub fn mark_all(&mut self, now: MonoTime) {
        for (id, queue) in &mut self.queues {
            queue.repace(now, &mut self.slots);
            if !queue.queued && queue.may_queue(now, &self.slots) {
                queue.queued = true;
                self.ready.push_back(*id);
            }
        }
    }

    /// When the next action is due without notifications. While the scheduler is full, actions wait until a delivery
    /// leaves it.
    pub fn next_wake(&self, now: MonoTime) -> Option<MonoTime> {
        if self.room() == 0 {
            return None;
        }
        let roomy = self.is_roomy();
        self.queues.values().filter_map(|queue| queue.next_wake(now, roomy, &self.slots)).min()
    }

    /// Queues an endpoint if it may start an attempt.
    fn mark(&mut self, id: EndpointId, now: MonoTime) {
        if let Some(queue) = self.queues.get_mut(&id)
            && !queue.queued
            && queue.may_queue(now, &self.slots)
        {
            queue.queued = true;
            self.ready.push_back(id);
        }
    }
}
