//! What the engine holds in memory: a bounded window of leased deliveries, fair over endpoints.
//! Pure: it is told what happened and when, and says what to do.

mod rate;
mod seat;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use gancho_model::{DeliveryId, Endpoint, EndpointId, Lane, Timestamp};
use gancho_store::{Claimed, Claims, Due, Want};

use seat::Seat;
pub(crate) use seat::Target;

/// Deliveries held in all.
const HELD_MAX: u32 = 8192;
/// Bytes of bodies held in all: new places are refused beyond.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// What a delivery is reckoned with before its body is known: an eighth of the largest.
const CLAIMED_BYTES: usize = 32 * 1024;

/// Bounds of the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowLimits {
    /// Attempts at once in all.
    pub in_flight: u32,
    /// Attempts at once to one endpoint, if it says nothing.
    pub in_flight_per_endpoint: u32,
}

/// The window.
pub(crate) struct Window {
    limits: WindowLimits,
    seats: HashMap<EndpointId, Seat>,
    /// Endpoints that may start an attempt, each once, in turn.
    ready: VecDeque<EndpointId>,
    in_flight: u32,
    held: u32,
    bytes: usize,
    closing: bool,
}

impl Window {
    pub fn new(limits: WindowLimits) -> Self {
        let (seats, ready) = (HashMap::new(), VecDeque::new());
        Self { limits, seats, ready, in_flight: 0, held: 0, bytes: 0, closing: false }
    }

    /// Starts nothing more.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// Attempts under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// Takes the endpoints as they are now. Those that are gone lose what waits here; it stays in the store.
    pub fn set_endpoints(&mut self, endpoints: Vec<Endpoint>, now: Timestamp) {
        let mut old = std::mem::take(&mut self.seats);
        for endpoint in endpoints {
            let id = endpoint.id;
            let target = Arc::new(Target::new(endpoint));
            let mut seat = match old.remove(&id) {
                Some(mut seat) => {
                    seat.set_target(target, now);
                    seat
                }
                None => {
                    let mut seat = Seat::new(target, self.limits.in_flight_per_endpoint, now);
                    // Whatever rang before we knew of it: one claim tells.
                    Lane::ALL.iter().for_each(|lane| seat.due(*lane, now));
                    seat
                }
            };
            let (dropped, bytes) = seat.let_go(now);
            self.seats.insert(id, seat);
            self.let_go(dropped, bytes);
            self.mark(id, now);
        }
        for seat in old.into_values() {
            self.held = self.held.saturating_sub(seat.places());
            self.bytes = self.bytes.saturating_sub(seat.bytes());
        }
    }

    /// Whether one more delivery of this endpoint is taken at once; if so, its place is kept.
    pub fn reserve(&mut self, endpoint: EndpointId, now: Timestamp) -> Option<Timestamp> {
        if self.closing || self.held >= HELD_MAX || self.bytes >= BYTES_MAX {
            return None;
        }
        let roomy = self.is_roomy();
        let lease = self.seats.get_mut(&endpoint)?.reserve(now, roomy)?;
        self.held += 1;
        Some(lease)
    }

    pub fn give_back(&mut self, endpoint: EndpointId) {
        if let Some(seat) = self.seats.get_mut(&endpoint) {
            seat.give_back();
            self.held = self.held.saturating_sub(1);
        }
    }

    /// Takes what was reserved and is committed.
    pub fn hand_over(&mut self, claimed: Vec<Claimed>, now: Timestamp) {
        for one in claimed {
            let (id, size) = (one.endpoint, one.body.len());
            if let Some(seat) = self.seats.get_mut(&id) {
                seat.take_reserved(one);
                self.bytes += size;
                self.mark(id, now);
            }
        }
    }

    /// Something waits in the store, from this time on.
    pub fn due(&mut self, due: Due) {
        if let Some(seat) = self.seats.get_mut(&due.endpoint) {
            seat.due(due.lane, due.at);
        }
    }

    fn let_go(&mut self, dropped: u32, bytes: usize) {
        self.held = self.held.saturating_sub(dropped);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// How many more may be claimed at once: bodies are not known before, so that large ones are
    /// reckoned with.
    fn room(&self) -> u32 {
        let by_size = BYTES_MAX.saturating_sub(self.bytes) / CLAIMED_BYTES;
        HELD_MAX.saturating_sub(self.held).min(u32::try_from(by_size).unwrap_or(u32::MAX))
    }

    /// Whether one endpoint may hold more than it needs.
    fn is_roomy(&self) -> bool {
        self.held < HELD_MAX / 2 && self.bytes < BYTES_MAX / 2
    }

    /// A delivery was cancelled: it is not sent, unless its attempt has begun.
    pub fn forget(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if let Some(bytes) = self.seats.get_mut(&endpoint).and_then(|seat| seat.forget(delivery)) {
            self.let_go(1, bytes);
        }
    }

    /// What to claim now.
    pub fn wants(&mut self, now: Timestamp) -> Vec<Want> {
        if self.closing {
            return vec![];
        }
        let (mut dropped, mut bytes) = (0, 0);
        for seat in self.seats.values_mut() {
            let (more, larger) = seat.let_go(now);
            (dropped, bytes) = (dropped + more, bytes + larger);
        }
        self.let_go(dropped, bytes);
        let (mut room, roomy) = (self.room(), self.is_roomy());
        let mut wants = vec![];
        for seat in self.seats.values_mut() {
            for lane in Lane::ALL {
                if let Some(want) = seat.want(*lane, now, room, roomy) {
                    room -= want.limit;
                    wants.push(want);
                }
            }
        }
        wants
    }

    /// Takes what was claimed. What is held already (a lease that ran out under a slow store) is left alone.
    pub fn claimed(&mut self, wants: &[Want], claims: Claims, now: Timestamp) {
        for want in wants {
            if let Some(seat) = self.seats.get_mut(&want.endpoint) {
                seat.claim_ended(want.lane);
            }
        }
        for due in claims.due {
            self.due(due);
        }
        for one in claims.claimed {
            let (id, size) = (one.endpoint, one.body.len());
            if let Some(seat) = self.seats.get_mut(&id)
                && seat.take_claimed(one)
            {
                self.held += 1;
                self.bytes += size;
                self.mark(id, now);
            }
        }
    }

    /// The next attempt to start, if any may.
    pub fn start(&mut self, now: Timestamp) -> Option<(Arc<Target>, Claimed)> {
        while self.in_flight < self.limits.in_flight && !self.closing {
            let id = self.ready.pop_front()?;
            let Some(seat) = self.seats.get_mut(&id) else { continue };
            seat.queued = false;
            let scarce = self.in_flight >= self.limits.in_flight / 2;
            let (dropped, bytes, started) = seat.start(now, scarce);
            self.let_go(dropped, bytes);
            let Some(started) = started else { continue };
            self.in_flight += 1;
            self.mark(id, now);
            return Some(started);
        }
        None
    }

    /// An attempt ended, and goes to be recorded.
    pub fn ended(&mut self, claimed: &Claimed, success: bool) {
        if let Some(seat) = self.seats.get_mut(&claimed.endpoint) {
            seat.ended(success);
        }
    }

    /// Its slot is free. Its place is, once it is recorded.
    pub fn finished(&mut self, claimed: &Claimed, duration_ms: u32, now: Timestamp) {
        self.bytes = self.bytes.saturating_sub(claimed.body.len());
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(seat) = self.seats.get_mut(&claimed.endpoint) {
            seat.finished(duration_ms);
            self.mark(claimed.endpoint, now);
        }
    }

    /// It is recorded.
    pub fn recorded(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if let Some(seat) = self.seats.get_mut(&endpoint)
            && seat.recorded(delivery)
        {
            self.held = self.held.saturating_sub(1);
        }
    }

    /// Puts every endpoint that may start something into the turn.
    pub fn mark_all(&mut self, now: Timestamp) {
        let ids: Vec<EndpointId> = self.seats.keys().copied().collect();
        ids.iter().for_each(|id| self.mark(*id, now));
    }

    /// When something is to be done next, if nothing happens before. While the window is full,
    /// that is when something leaves it.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        if self.room() == 0 {
            return None;
        }
        let roomy = self.is_roomy();
        self.seats.values().filter_map(|seat| seat.next_wake(now, roomy)).min()
    }

    /// Puts an endpoint into the turn if it may start something.
    fn mark(&mut self, id: EndpointId, now: Timestamp) {
        if let Some(seat) = self.seats.get_mut(&id)
            && !seat.queued
            && seat.may_start(now)
        {
            seat.queued = true;
            self.ready.push_back(id);
        }
    }
}
