use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use gancho_model::{DeliveryId, EndpointId, FAILING_AFTER, Health, MonoTime, Priority, limits::LEASE_SLACK_MS};
use gancho_store::{Claimed, Release, Want};

use super::{
    Target,
    in_flight::InFlight,
    rate::Rate,
    slots::{Pace, Slots},
};

/// Maximum deliveries held per slot of one endpoint while there is room: what waits here need not be released and
/// claimed again.
const SHARE_PER_SLOT: u32 = 256;
/// The same when room is scarce: enough to keep a fast endpoint busy between claims.
const SHARE_PER_SLOT_WHEN_SCARCE: u32 = 32;

/// An endpoint's queue.
pub(super) struct EndpointQueue {
    target: Arc<Target>,
    slots_default: u32,
    /// Leased and waiting, by priority.
    waiting: [VecDeque<Claimed>; 3],
    /// Reservations for events being committed.
    reserved: u32,
    in_flight: InFlight,
    /// Deliveries leased by us: waiting, under way, being recorded.
    held: HashSet<DeliveryId>,
    /// When a delivery in the store is due, by priority.
    due: [Option<MonoTime>; 3],
    claiming: [bool; 3],
    rate: Option<Rate>,
    /// Ended attempts that are not recorded yet.
    unrecorded: u32,
    /// Consecutive failures as known here.
    failures: u32,
    /// The last probe request that one of our attempts answers.
    answering: u32,
    /// A claim found nothing to probe with: no retry before this time.
    no_probe_before: Option<MonoTime>,
    /// Whether it is in the round-robin queue.
    pub queued: bool,
}

impl EndpointQueue {
    pub fn new(target: Arc<Target>, slots_default: u32, now: MonoTime) -> Self {
        let rate = target.endpoint.rate_per_s.map(|per_s| Rate::new(per_s, now));
        Self {
            target,
            slots_default,
            waiting: Default::default(),
            reserved: 0,
            in_flight: InFlight::default(),
            held: HashSet::new(),
            due: [None; 3],
            claiming: [false; 3],
            rate,
            unrecorded: 0,
            failures: 0,
            answering: 0,
            no_probe_before: None,
            queued: false,
        }
    }

    pub fn set_target(&mut self, target: Arc<Target>, now: MonoTime) {
        self.rate = match (self.rate, target.endpoint.rate_per_s) {
            (Some(rate), Some(per_s)) => Some(rate.resized(per_s)),
            (None, Some(per_s)) => Some(Rate::new(per_s, now)),
            (_, None) => None,
        };
        if target.endpoint.health.consecutive_failures == 0 {
            self.failures = 0; // a user re-enabled it
        }
        self.target = target;
    }

    pub fn set_health(&mut self, health: Health, now: MonoTime) {
        let mut target = (*self.target).clone();
        target.endpoint.health = health;
        self.set_target(Arc::new(target), now);
    }

    pub fn places(&self) -> u32 {
        self.held.len() as u32 + self.reserved
    }

    /// Deliveries waiting or under way; those only to be recorded block nothing.
    fn active(&self) -> u32 {
        self.places().saturating_sub(self.unrecorded)
    }

    /// The endpoint was removed: its attempts under way no longer use slots.
    pub fn forget_slots(&mut self, slots: &mut Slots) {
        slots.free(self.in_flight.pace(), self.in_flight.count());
    }

    pub fn bytes(&self) -> usize {
        self.waiting.iter().flatten().map(|one| one.body.len()).sum()
    }

    fn slots(&self) -> u32 {
        self.target.endpoint.max_in_flight.unwrap_or(self.slots_default).max(1)
    }

    fn is_failing(&self) -> bool {
        self.target.endpoint.health.is_failing()
    }

    /// Whether a queue may send: tests always, others while the endpoint is open; a failing one only probes when due.
    fn lane_open(&self, lane: Priority, now: MonoTime) -> bool {
        match lane {
            Priority::Test => true,
            _ if !self.target.endpoint.is_open() || self.is_in_doubt() => false,
            _ if !self.is_failing() => true,
            _ => self.is_probe_due(now) && lane == self.probe_lane(),
        }
    }

    fn is_probe_due(&self, now: MonoTime) -> bool {
        self.is_probe_recorded()
            && (self.is_probe_requested() || self.target.endpoint.health.probe_at.is_none_or(|at| at <= now))
    }

    /// Whether no probe is under way and the last one is recorded.
    fn is_probe_recorded(&self) -> bool {
        self.in_flight.count() == 0 && self.unrecorded == 0
    }

    /// Whether a user requested a probe that no attempt answers yet.
    fn is_probe_requested(&self) -> bool {
        let health = &self.target.endpoint.health;
        health.is_probe_requested() && health.probe_requests > self.answering
    }

    /// The queue for the probe: replays only if nothing else waits.
    fn probe_lane(&self) -> Priority {
        let has = |lane: Priority| !self.waiting[lane as usize].is_empty() || self.due[lane as usize].is_some();
        if has(Priority::Live) || !has(Priority::Replay) { Priority::Live } else { Priority::Replay }
    }

    /// Whether it may have become failing: the store notifies once outcomes are recorded.
    fn is_in_doubt(&self) -> bool {
        self.failures >= FAILING_AFTER && self.unrecorded > 0 && !self.target.endpoint.health.is_failing()
    }

    /// Maximum held: no more than can start before the leases run out of slack.
    fn share(&self, roomy: bool) -> u32 {
        if self.target.endpoint.health.is_failing() {
            return 1;
        }
        let Some(usual_ms) = self.in_flight.usual_ms().filter(|_| self.in_flight.pace() == Pace::Fast) else {
            return self.slots();
        };
        let rounds = (LEASE_SLACK_MS as f64 / 2.0 / usual_ms.max(1.0)) as u32;
        let most = if roomy { SHARE_PER_SLOT } else { SHARE_PER_SLOT_WHEN_SCARCE };
        let mut share = self.slots() * rounds.clamp(1, most);
        if let Some(per_s) = self.target.endpoint.rate_per_s {
            share = share.min(per_s.saturating_mul(2)).max(1);
        }
        share
    }

    fn lease_until(&self, now: MonoTime) -> MonoTime {
        now.plus_ms(i64::from(self.target.endpoint.timeout_ms) + LEASE_SLACK_MS)
    }

    /// How many more may be held: up to the share; if it may hang, only as many as can start at once.
    fn places_free(&self, roomy: bool, slots: &Slots) -> u32 {
        let free = self.share(roomy).saturating_sub(self.active());
        if self.in_flight.pace() == Pace::Fast {
            return free;
        }
        let waiting = self.active().saturating_sub(self.in_flight.count());
        let room = slots.room(self.in_flight.pace(), self.in_flight.count(), self.slots()).saturating_sub(waiting);
        // An endpoint without deliveries gets one even if all slots are taken at the moment.
        let turn = self.active() == 0 && slots.allow_once_free(self.in_flight.pace(), 0, self.slots());
        free.min(room.max(u32::from(turn)))
    }

    /// Reserves a slot unless the share is used up or older deliveries wait in the store, which go first.
    pub fn reserve(&mut self, now: MonoTime, roomy: bool, slots: &Slots) -> Option<MonoTime> {
        let live = Priority::Live as usize;
        let older = self.claiming[live] || self.due[live].is_some_and(|at| at <= now);
        if older || self.places_free(roomy, slots) == 0 {
            return None;
        }
        self.reserved += 1;
        Some(self.lease_until(now))
    }

    pub fn cancel_reservation(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    pub fn take_reserved(&mut self, claimed: Claimed) {
        self.cancel_reservation();
        self.held.insert(claimed.id);
        self.waiting[claimed.lane as usize].push_back(claimed);
    }

    pub fn due(&mut self, lane: Priority, at: MonoTime) {
        let due = &mut self.due[lane as usize];
        *due = Some(due.map_or(at, |known| known.min(at)));
    }

    /// Whether it has due deliveries in the store.
    pub fn is_asking(&self, now: MonoTime) -> bool {
        self.due.iter().flatten().any(|at| *at <= now)
    }

    /// Whether so few are held that more should be claimed; avoids a claim for every freed slot.
    pub fn is_short(&self, now: MonoTime, roomy: bool) -> bool {
        !self.is_failing() && self.is_asking(now) && self.active() * 2 <= self.share(roomy)
    }

    /// What to claim of a queue now. `slots` counts claims of possibly hanging endpoints: no more than can start.
    pub fn want(&mut self, lane: Priority, now: MonoTime, room: u32, roomy: bool, slots: &mut Slots) -> Option<Want> {
        let n = lane as usize;
        // A failing endpoint is probed at its own pace, with its oldest delivery.
        let probe = lane != Priority::Test && self.is_failing();
        let not_before = if probe { self.no_probe_before.unwrap_or(now) } else { self.due[n].unwrap_or(now) };
        if self.due[n].is_none() || not_before > now || self.claiming[n] || !self.lane_open(lane, now) {
            return None;
        }
        // A test needs little, and a user waits for it.
        let least = u32::from(lane == Priority::Test && self.waiting[n].is_empty());
        // An endpoint without deliveries gets one even if others have filled the room.
        let room = room.max(u32::from(self.active() == 0));
        let limit = self.places_free(roomy, slots).max(least).min(room);
        if limit == 0 {
            return None;
        }
        if self.in_flight.pace() != Pace::Fast {
            (0..limit).for_each(|_| slots.take(self.in_flight.pace()));
        }
        self.claiming[n] = true;
        self.due[n] = None;
        let (endpoint, lease_until): (EndpointId, _) = (self.target.endpoint.id, self.lease_until(now));
        Some(Want { endpoint, lane, limit, lease_until, probe })
    }

    /// A claim returned this many; `due` is when the next of that queue is due.
    pub fn claim_ended(&mut self, want: &Want, count: usize, due: Option<MonoTime>) {
        self.claiming[want.lane as usize] = false;
        if want.probe {
            // All pending deliveries are leased by other nodes.
            self.no_probe_before = due.filter(|_| count == 0);
        }
    }

    /// Adds a claimed delivery; returns `false` if it is already held.
    pub fn take_claimed(&mut self, claimed: Claimed) -> bool {
        let new = self.held.insert(claimed.id);
        if new {
            self.waiting[claimed.lane as usize].push_back(claimed);
        }
        new
    }

    /// The queue that may start an attempt now: tests first, then live, then replays.
    fn next_lane(&self, now: MonoTime) -> Option<Priority> {
        [Priority::Test, Priority::Live, Priority::Replay]
            .into_iter()
            .find(|lane| !self.waiting[*lane as usize].is_empty() && self.lane_open(*lane, now))
    }

    /// Whether to queue it: it could start an attempt if a slot is free by then.
    pub fn may_queue(&self, now: MonoTime, slots: &Slots) -> bool {
        slots.allow_once_free(self.in_flight.pace(), self.in_flight.count(), self.slots())
            && self.rate.is_none_or(|rate| rate.next_at(now) <= now)
            && self.next_lane(now).is_some()
    }

    /// Starts the next attempt if possible.
    pub fn start(&mut self, now: MonoTime, slots: &mut Slots) -> Option<(Arc<Target>, Claimed)> {
        self.repace(now, slots);
        if !slots.are_free() || !self.may_queue(now, slots) {
            return None;
        }
        let claimed = self.next_lane(now).and_then(|lane| self.waiting[lane as usize].pop_front())?;
        self.in_flight.begin(claimed.id, now, slots);
        if claimed.lane != Priority::Test {
            self.answering = self.target.endpoint.health.probe_requests;
        }
        if let Some(rate) = &mut self.rate {
            rate.take(now);
        }
        Some((self.target.clone(), claimed))
    }

    /// Updates its pace.
    pub fn repace(&mut self, now: MonoTime, slots: &mut Slots) {
        self.in_flight.repace(now, slots);
    }

    /// Releases deliveries that could not end within their lease, those a hanging endpoint holds needlessly, and all
    /// waiting for a closed endpoint; returns the leases and the bytes of their bodies.
    pub fn release(&mut self, now: MonoTime) -> (Vec<Release>, usize) {
        let limit_ms = i64::from(self.target.endpoint.timeout_ms);
        let closed = !self.target.endpoint.is_open();
        let (mut leases, mut bytes) = (vec![], 0);
        let most = if self.in_flight.pace() == Pace::Fast { usize::MAX } else { self.slots() as usize };
        for lane in Priority::ALL {
            let waiting = &mut self.waiting[*lane as usize];
            while waiting.len() > most
                && let Some(last) = waiting.pop_back()
            {
                self.held.remove(&last.id);
                bytes += last.body.len();
                leases.push(lease_of(&last, None));
            }
            let all = closed && *lane != Priority::Test;
            while let Some(first) = waiting.pop_front_if(|first| all || first.lease_until.since_ms(now) < limit_ms) {
                self.held.remove(&first.id);
                bytes += first.body.len();
                leases.push(lease_of(&first, None));
            }
        }
        (leases, bytes)
    }

    /// This machine lacked a resource for an attempt: it does not count, and its lease is released.
    pub fn withdraw(&mut self, claimed: &Claimed, not_before: MonoTime, slots: &mut Slots) -> Release {
        self.in_flight.end(claimed.id, slots);
        self.held.remove(&claimed.id);
        self.answering = self.answering.min(self.target.endpoint.health.probes_answered);
        if self.is_failing() {
            self.no_probe_before = Some(not_before);
        }
        lease_of(claimed, Some(not_before))
    }

    /// Removes a cancelled delivery unless its attempt has begun; returns its size.
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

    pub fn finished(&mut self, delivery: DeliveryId, duration_ms: u32, now: MonoTime, slots: &mut Slots) {
        self.in_flight.end(delivery, slots);
        self.in_flight.note(duration_ms);
        self.repace(now, slots);
    }

    pub fn recorded(&mut self, delivery: DeliveryId) -> bool {
        self.unrecorded = self.unrecorded.saturating_sub(1);
        self.held.remove(&delivery)
    }

    /// When this endpoint next needs attention: a delivery becomes due, the rate allows more, a probe is due, or an
    /// attempt has been under way for long.
    pub fn next_wake(&self, now: MonoTime, roomy: bool, slots: &Slots) -> Option<MonoTime> {
        let due = Priority::ALL.iter().filter_map(|lane| self.due_at(*lane, now, roomy, slots));
        let waits = self.waiting.iter().any(|lane| !lane.is_empty()) && self.in_flight.count() < self.slots();
        let rate = self.rate.filter(|_| waits).map(|rate| rate.next_at(now)).filter(|at| *at > now);
        let probe = self.target.endpoint.health.probe_at.filter(|at| waits && *at > now);
        due.chain(rate).chain(probe).chain(self.in_flight.slow_at()).min()
    }

    /// When to claim from a queue; other wake-ups follow when held deliveries start, end or are recorded.
    fn due_at(&self, lane: Priority, now: MonoTime, roomy: bool, slots: &Slots) -> Option<MonoTime> {
        let n = lane as usize;
        let due = self.due[n].filter(|_| !self.claiming[n])?;
        match lane {
            Priority::Test => Some(due).filter(|_| self.waiting[n].is_empty()),
            _ if self.is_in_doubt() => None,
            _ if !self.target.endpoint.is_open() || self.places_free(roomy, slots) == 0 => None,
            _ if self.is_failing() => self.probe_due_at(now).filter(|_| lane == self.probe_lane()),
            _ => Some(due),
        }
    }

    /// When the next probe is due; otherwise the end of the current one wakes the scheduler.
    fn probe_due_at(&self, now: MonoTime) -> Option<MonoTime> {
        let at = if self.is_probe_requested() { now } else { self.target.endpoint.health.probe_at.unwrap_or(now) };
        self.is_probe_recorded().then(|| self.no_probe_before.map_or(at, |not_before| at.max(not_before)))
    }
}

fn lease_of(claimed: &Claimed, not_before: Option<MonoTime>) -> Release {
    let Claimed { handle, endpoint, lane, lease_until, .. } = *claimed;
    Release { handle, endpoint, lane, lease_until, not_before }
}
