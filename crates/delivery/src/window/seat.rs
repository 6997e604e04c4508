use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use gancho_model::{DeliveryId, Endpoint, EndpointId, FAILING_AFTER, Lane, Timestamp, limits::LEASE_SLACK_MS};
use gancho_store::{Claimed, Want};
use url::Url;

use super::rate::Rate;

/// The most that is held of one endpoint, in slots, while there is room: what waits here needs not be
/// written and read again.
const SHARE_PER_SLOT: u32 = 256;
/// The same once others need the room: enough to keep a fast one busy between claims.
const SHARE_PER_SLOT_WHEN_SCARCE: u32 = 32;
/// The same before it is known how fast the endpoint answers.
const SHARE_PER_SLOT_UNKNOWN: u32 = 2;
/// An endpoint whose attempts take this long is slow: it yields when slots are scarce.
const SLOW_MS: f64 = 1000.0;
/// Slots of a slow endpoint while slots are scarce.
const SLOTS_WHEN_SCARCE: u32 = 2;

/// An endpoint and its parsed URL.
pub(crate) struct Target {
    pub endpoint: Endpoint,
    /// Its URL as text, to be noted with every attempt.
    pub address: Arc<str>,
    /// Checked when the endpoint was saved; nothing if an older version took what this one does not.
    pub url: Option<Url>,
}

impl Target {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { url: gancho_model::target::parse(&endpoint.url).ok(), address: endpoint.url.as_str().into(), endpoint }
    }
}

/// One endpoint's place at the table.
pub(super) struct Seat {
    target: Arc<Target>,
    slots_default: u32,
    /// Leased and waiting, by lane.
    waiting: [VecDeque<Claimed>; 3],
    /// Places promised to events that are being committed.
    reserved: u32,
    in_flight: u32,
    /// Everything under our lease: waiting, under way, being recorded.
    held: HashSet<DeliveryId>,
    /// When something in the store is due, by lane.
    due: [Option<Timestamp>; 3],
    claiming: [bool; 3],
    rate: Option<Rate>,
    /// Attempts that ended and are not recorded yet.
    unrecorded: u32,
    /// Failures in a row, as seen from here.
    failures: u32,
    /// How long attempts take, a moving average; nothing before the first has ended.
    usual_ms: Option<f64>,
    /// Whether it stands in the turn.
    pub queued: bool,
}

impl Seat {
    pub fn new(target: Arc<Target>, slots_default: u32, now: Timestamp) -> Self {
        let rate = target.endpoint.rate_per_s.map(|per_s| Rate::new(per_s, now));
        Self {
            target,
            slots_default,
            waiting: Default::default(),
            reserved: 0,
            in_flight: 0,
            held: HashSet::new(),
            due: [None; 3],
            claiming: [false; 3],
            rate,
            unrecorded: 0,
            failures: 0,
            usual_ms: None,
            queued: false,
        }
    }

    pub fn set_target(&mut self, target: Arc<Target>, now: Timestamp) {
        self.rate = match (self.rate, target.endpoint.rate_per_s) {
            (Some(rate), Some(per_s)) => Some(rate.resized(per_s)),
            (None, Some(per_s)) => Some(Rate::new(per_s, now)),
            (_, None) => None,
        };
        if target.endpoint.health.consecutive_failures == 0 {
            self.failures = 0; // a person began anew
        }
        self.target = target;
    }

    pub fn places(&self) -> u32 {
        self.held.len() as u32 + self.reserved
    }

    pub fn bytes(&self) -> usize {
        self.waiting.iter().flatten().map(|one| one.body.len()).sum()
    }

    fn slots(&self) -> u32 {
        self.target.endpoint.max_in_flight.unwrap_or(self.slots_default).max(1)
    }

    /// Whether a lane may send: tests always, the others while the endpoint is open, and of a
    /// failing endpoint one probe at a time, when it is time.
    fn lane_open(&self, lane: Lane, now: Timestamp) -> bool {
        let endpoint = &self.target.endpoint;
        match lane {
            Lane::Test => true,
            _ if !endpoint.is_open() || self.is_in_doubt() => false,
            _ if !endpoint.health.is_failing() => true,
            Lane::Live => self.in_flight == 0 && endpoint.health.probe_at.is_none_or(|at| at <= now),
            Lane::Replay => false,
        }
    }

    /// It may have come to be failing: the store will say when it has recorded what ended.
    fn is_in_doubt(&self) -> bool {
        self.failures >= FAILING_AFTER && self.unrecorded > 0 && !self.target.endpoint.health.is_failing()
    }

    /// No more is held than can start before the leases run out of slack.
    fn share(&self, roomy: bool) -> u32 {
        if self.target.endpoint.health.is_failing() {
            return 1;
        }
        let rounds = match self.usual_ms {
            Some(usual_ms) => (LEASE_SLACK_MS as f64 / 2.0 / usual_ms.max(1.0)) as u32,
            None => SHARE_PER_SLOT_UNKNOWN,
        };
        let most = if roomy { SHARE_PER_SLOT } else { SHARE_PER_SLOT_WHEN_SCARCE };
        let mut share = self.slots() * rounds.clamp(1, most);
        if let Some(per_s) = self.target.endpoint.rate_per_s {
            share = share.min(per_s.saturating_mul(2)).max(1);
        }
        share
    }

    fn lease_until(&self, now: Timestamp) -> Timestamp {
        now.plus_ms(i64::from(self.target.endpoint.timeout_ms) + LEASE_SLACK_MS)
    }

    /// A place, unless the share is taken or something older waits in the store: that goes first.
    pub fn reserve(&mut self, now: Timestamp, roomy: bool) -> Option<Timestamp> {
        let live = Lane::Live as usize;
        let older = self.claiming[live] || self.due[live].is_some_and(|at| at <= now);
        if older || self.places() >= self.share(roomy) {
            return None;
        }
        self.reserved += 1;
        Some(self.lease_until(now))
    }

    pub fn give_back(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    pub fn take_reserved(&mut self, claimed: Claimed) {
        self.give_back();
        self.held.insert(claimed.id);
        self.waiting[claimed.lane as usize].push_back(claimed);
    }

    pub fn due(&mut self, lane: Lane, at: Timestamp) {
        let due = &mut self.due[lane as usize];
        *due = Some(due.map_or(at, |known| known.min(at)));
    }

    pub fn want(&mut self, lane: Lane, now: Timestamp, room: u32, roomy: bool) -> Option<Want> {
        let n = lane as usize;
        // A failing endpoint is probed at its own pace, with whatever has waited longest.
        let probe = lane == Lane::Live && self.target.endpoint.health.is_failing();
        let is_due = self.due[n].is_some_and(|at| at <= now || probe);
        if !is_due || self.claiming[n] || !self.lane_open(lane, now) {
            return None;
        }
        // A test asks for little, and somebody is waiting for it.
        let least = u32::from(lane == Lane::Test);
        let limit = self.share(roomy).saturating_sub(self.places()).max(least).min(room);
        if limit == 0 {
            return None;
        }
        self.claiming[n] = true;
        self.due[n] = None;
        let (endpoint, lease_until): (EndpointId, _) = (self.target.endpoint.id, self.lease_until(now));
        Some(Want { endpoint, lane, limit, lease_until, probe })
    }

    pub fn claim_ended(&mut self, lane: Lane) {
        self.claiming[lane as usize] = false;
    }

    /// Takes a claimed delivery; says no to one that is held already.
    pub fn take_claimed(&mut self, claimed: Claimed) -> bool {
        let new = self.held.insert(claimed.id);
        if new {
            self.waiting[claimed.lane as usize].push_back(claimed);
        }
        new
    }

    /// The lane that may start something now: tests first, then live, then what is sent again.
    fn next_lane(&self, now: Timestamp) -> Option<Lane> {
        [Lane::Test, Lane::Live, Lane::Replay]
            .into_iter()
            .find(|lane| !self.waiting[*lane as usize].is_empty() && self.lane_open(*lane, now))
    }

    pub fn may_start(&self, now: Timestamp) -> bool {
        self.in_flight < self.slots()
            && self.rate.is_none_or(|rate| rate.next_at(now) <= now)
            && self.next_lane(now).is_some()
    }

    /// Starts the next attempt if it may. First lets go of what has to wait elsewhere; returns how
    /// many those were, their bytes, and the attempt.
    pub fn start(&mut self, now: Timestamp, scarce: bool) -> (u32, usize, Option<(Arc<Target>, Claimed)>) {
        let (dropped, bytes) = self.let_go(now);
        let yields =
            scarce && self.usual_ms.is_some_and(|usual_ms| usual_ms >= SLOW_MS) && self.in_flight >= SLOTS_WHEN_SCARCE;
        if yields || !self.may_start(now) {
            return (dropped, bytes, None);
        }
        let next = self.next_lane(now).and_then(|lane| self.waiting[lane as usize].pop_front());
        if next.is_some() {
            self.in_flight += 1;
            if let Some(rate) = &mut self.rate {
                rate.take(now);
            }
        }
        (dropped, bytes, next.map(|claimed| (self.target.clone(), claimed)))
    }

    /// Lets go of what could not end within its lease any more, and of all that waits for an
    /// endpoint that was closed: it is due again in the store when its lease ends.
    pub fn let_go(&mut self, now: Timestamp) -> (u32, usize) {
        let limit_ms = i64::from(self.target.endpoint.timeout_ms);
        let closed = !self.target.endpoint.is_open();
        let (mut dropped, mut bytes) = (0, 0);
        for lane in Lane::ALL {
            let n = *lane as usize;
            let all = closed && *lane != Lane::Test;
            while let Some(first) = self.waiting[n].front()
                && (all || first.lease_until.since_ms(now) < limit_ms)
            {
                let (id, size, free_at) = (first.id, first.body.len(), first.lease_until);
                self.waiting[n].pop_front();
                self.held.remove(&id);
                self.due(*lane, free_at);
                (dropped, bytes) = (dropped + 1, bytes + size);
            }
        }
        (dropped, bytes)
    }

    /// Forgets a delivery that was cancelled, if its attempt has not begun; says how large it was.
    pub fn forget(&mut self, delivery: DeliveryId) -> Option<usize> {
        for lane in &mut self.waiting {
            if let Some(at) = lane.iter().position(|one| one.id == delivery) {
                let one = lane.remove(at)?;
                self.held.remove(&delivery);
                return Some(one.body.len());
            }
        }
        None
    }

    pub fn ended(&mut self, success: bool) {
        self.unrecorded += 1;
        self.failures = if success { 0 } else { self.failures + 1 };
    }

    pub fn finished(&mut self, duration_ms: u32) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let took_ms = f64::from(duration_ms);
        self.usual_ms = Some(self.usual_ms.map_or(took_ms, |usual_ms| usual_ms + (took_ms - usual_ms) * 0.2));
    }

    pub fn recorded(&mut self, delivery: DeliveryId) -> bool {
        self.unrecorded = self.unrecorded.saturating_sub(1);
        self.held.remove(&delivery)
    }

    /// When this endpoint wants to be looked at: something falls due, the rate allows more, a
    /// probe may go, a lease gets too short.
    pub fn next_wake(&self, now: Timestamp, roomy: bool) -> Option<Timestamp> {
        let due = Lane::ALL.iter().filter_map(|lane| self.due_at(*lane, roomy));
        let waits = self.waiting.iter().any(|lane| !lane.is_empty()) && self.in_flight < self.slots();
        let rate = self.rate.filter(|_| waits).map(|rate| rate.next_at(now)).filter(|at| *at > now);
        let probe = self.target.endpoint.health.probe_at.filter(|at| waits && *at > now);
        due.chain(rate).chain(probe).min()
    }

    /// When something of a lane is to be claimed. While the share is full or a claim runs, its end
    /// is what wakes us.
    fn due_at(&self, lane: Lane, roomy: bool) -> Option<Timestamp> {
        let n = lane as usize;
        let due = self.due[n].filter(|_| !self.claiming[n])?;
        let endpoint = &self.target.endpoint;
        match lane {
            Lane::Test => Some(due),
            _ if !endpoint.is_open() || self.places() >= self.share(roomy) => None,
            Lane::Live if endpoint.health.is_failing() => endpoint.health.probe_at.filter(|_| self.in_flight == 0),
            Lane::Replay if endpoint.health.is_failing() => None,
            _ => Some(due),
        }
    }
}
