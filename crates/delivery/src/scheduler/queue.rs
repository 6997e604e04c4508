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

/// The most that is held of one endpoint, in slots, while there is room: what waits here needs not be
/// written and read again.
const SHARE_PER_SLOT: u32 = 256;
/// The same once others need the room: enough to keep a fast one busy between claims.
const SHARE_PER_SLOT_WHEN_SCARCE: u32 = 32;

/// One endpoint's place at the table.
pub(super) struct EndpointQueue {
    target: Arc<Target>,
    slots_default: u32,
    /// Leased and waiting, by lane.
    waiting: [VecDeque<Claimed>; 3],
    /// Places promised to events that are being committed.
    reserved: u32,
    in_flight: InFlight,
    /// Everything under our lease: waiting, under way, being recorded.
    held: HashSet<DeliveryId>,
    /// When something in the store is due, by lane.
    due: [Option<MonoTime>; 3],
    claiming: [bool; 3],
    rate: Option<Rate>,
    /// Attempts that ended and are not recorded yet.
    unrecorded: u32,
    /// Failures in a row, as seen from here.
    failures: u32,
    /// The last request for a probe that an attempt of ours has begun to answer.
    answering: u32,
    /// Nothing was there to probe with: not before this time again.
    no_probe_before: Option<MonoTime>,
    /// Whether it stands in the turn.
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
            self.failures = 0; // a person began anew
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

    /// Those still to be attempted or under way: what is only to be recorded keeps nobody waiting.
    fn active(&self) -> u32 {
        self.places().saturating_sub(self.unrecorded)
    }

    /// The endpoint was removed: what is still under way counts no more.
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

    /// Whether a lane may send: tests always, others while the endpoint is open; of a failing one a probe, when it is time.
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

    /// No probe is under way, and the store knows how the last one ended.
    fn is_probe_recorded(&self) -> bool {
        self.in_flight.count() == 0 && self.unrecorded == 0
    }

    /// Whether a person asked for a probe that none has begun to answer.
    fn is_probe_requested(&self) -> bool {
        let health = &self.target.endpoint.health;
        health.is_probe_requested() && health.probe_requests > self.answering
    }

    /// The queue that the probe is taken from: what is sent again only where nothing else waits.
    fn probe_lane(&self) -> Priority {
        let has = |lane: Priority| !self.waiting[lane as usize].is_empty() || self.due[lane as usize].is_some();
        if has(Priority::Live) || !has(Priority::Replay) { Priority::Live } else { Priority::Replay }
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

    /// How many more may be held: up to the share, and of one that may hang only as many as can begin at once.
    fn places_free(&self, roomy: bool, slots: &Slots) -> u32 {
        let free = self.share(roomy).saturating_sub(self.active());
        if self.in_flight.pace() == Pace::Fast {
            return free;
        }
        let waiting = self.active().saturating_sub(self.in_flight.count());
        let room = slots.room(self.in_flight.pace(), self.in_flight.count(), self.slots()).saturating_sub(waiting);
        // One that has nothing gets into the turn, though all slots are taken for the moment.
        let turn = self.active() == 0 && slots.allow_once_free(self.in_flight.pace(), 0, self.slots());
        free.min(room.max(u32::from(turn)))
    }

    /// A place, unless the share is taken or something older waits in the store: that goes first.
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

    /// Whether something of it is due in the store.
    pub fn is_asking(&self, now: MonoTime) -> bool {
        self.due.iter().flatten().any(|at| *at <= now)
    }

    /// Whether so little of it is at hand that more is to be claimed: not for every single place that comes free.
    pub fn is_short(&self, now: MonoTime, roomy: bool) -> bool {
        !self.is_failing() && self.is_asking(now) && self.active() * 2 <= self.share(roomy)
    }

    /// What to claim of a lane now. `slots` counts what is claimed of those that may hang: no more than can begin.
    pub fn want(&mut self, lane: Priority, now: MonoTime, room: u32, roomy: bool, slots: &mut Slots) -> Option<Want> {
        let n = lane as usize;
        // A failing endpoint is probed at its own pace, with whatever has waited longest.
        let probe = lane != Priority::Test && self.is_failing();
        let not_before = if probe { self.no_probe_before.unwrap_or(now) } else { self.due[n].unwrap_or(now) };
        if self.due[n].is_none() || not_before > now || self.claiming[n] || !self.lane_open(lane, now) {
            return None;
        }
        // A test asks for little, and somebody is waiting for it.
        let least = u32::from(lane == Priority::Test && self.waiting[n].is_empty());
        // One that has nothing gets something, though others have filled all places.
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

    /// A claim ended that gave so many; `due` is when the next of that queue may go.
    pub fn claim_ended(&mut self, want: &Want, count: usize, due: Option<MonoTime>) {
        self.claiming[want.lane as usize] = false;
        if want.probe {
            // Whatever waits is under somebody else's lease.
            self.no_probe_before = due.filter(|_| count == 0);
        }
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
    fn next_lane(&self, now: MonoTime) -> Option<Priority> {
        [Priority::Test, Priority::Live, Priority::Replay]
            .into_iter()
            .find(|lane| !self.waiting[*lane as usize].is_empty() && self.lane_open(*lane, now))
    }

    /// Whether its turn is to come: it could start something if there is a slot by then.
    pub fn may_queue(&self, now: MonoTime, slots: &Slots) -> bool {
        slots.allow_once_free(self.in_flight.pace(), self.in_flight.count(), self.slots())
            && self.rate.is_none_or(|rate| rate.next_at(now) <= now)
            && self.next_lane(now).is_some()
    }

    /// Starts the next attempt if it may.
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

    /// Looks how fast it is now.
    pub fn repace(&mut self, now: MonoTime, slots: &mut Slots) {
        self.in_flight.repace(now, slots);
    }

    /// Gives back what could not end within its lease any more, what one that hangs holds without need, and all that
    /// waits for an endpoint that was closed: the leases, and the bytes of their bodies.
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

    /// An attempt came to nothing for want of our own: it has been none, and its lease is given back.
    pub fn withdraw(&mut self, claimed: &Claimed, not_before: MonoTime, slots: &mut Slots) -> Release {
        self.in_flight.end(claimed.id, slots);
        self.held.remove(&claimed.id);
        self.answering = self.answering.min(self.target.endpoint.health.probes_answered);
        if self.is_failing() {
            self.no_probe_before = Some(not_before);
        }
        lease_of(claimed, Some(not_before))
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

    pub fn finished(&mut self, delivery: DeliveryId, duration_ms: u32, now: MonoTime, slots: &mut Slots) {
        self.in_flight.end(delivery, slots);
        self.in_flight.note(duration_ms);
        self.repace(now, slots);
    }

    pub fn recorded(&mut self, delivery: DeliveryId) -> bool {
        self.unrecorded = self.unrecorded.saturating_sub(1);
        self.held.remove(&delivery)
    }

    /// When this endpoint wants to be looked at: something falls due, the rate allows more, a probe may go, an
    /// attempt has been under way for long.
    pub fn next_wake(&self, now: MonoTime, roomy: bool, slots: &Slots) -> Option<MonoTime> {
        let due = Priority::ALL.iter().filter_map(|lane| self.due_at(*lane, now, roomy, slots));
        let waits = self.waiting.iter().any(|lane| !lane.is_empty()) && self.in_flight.count() < self.slots();
        let rate = self.rate.filter(|_| waits).map(|rate| rate.next_at(now)).filter(|at| *at > now);
        let probe = self.target.endpoint.health.probe_at.filter(|at| waits && *at > now);
        due.chain(rate).chain(probe).chain(self.in_flight.slow_at()).min()
    }

    /// When something of a lane is to be claimed; what fills the share, runs or is not recorded yet wakes us else.
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

    /// When the next probe may go; its predecessor's end is what wakes us else.
    fn probe_due_at(&self, now: MonoTime) -> Option<MonoTime> {
        let at = if self.is_probe_requested() { now } else { self.target.endpoint.health.probe_at.unwrap_or(now) };
        self.is_probe_recorded().then(|| self.no_probe_before.map_or(at, |not_before| at.max(not_before)))
    }
}

fn lease_of(claimed: &Claimed, not_before: Option<MonoTime>) -> Release {
    let Claimed { handle, endpoint, lane, lease_until, .. } = *claimed;
    Release { handle, endpoint, lane, lease_until, not_before }
}
