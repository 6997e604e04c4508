//! The scheduler with the real store, stepped with a manual clock and a seed, through crashes, clock jumps, pauses, and
//! receivers that are slow, dead or flapping. The invariants of ARCHITECTURE.md must hold; a failing seed is printed,
//! and kept in `seeds`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use gancho_model::{
    Attempt, Clock as _, DeliveryId, Endpoint, EndpointId, ErrorKind, Event, EventId, EventType, Failure, HeaderLog,
    MonoTime, NodeId, Phases, Reply, RetryPolicy, Rng as _, State,
};
use gancho_store::{
    Accepted, Claimed, Delivering, Outcome, Store, Submission,
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_testkit::{ManualClock, endpoint};

use crate::{
    dispatcher::Dispatcher,
    engine::outcome_of,
    notifier::Shared,
    scheduler::{Scheduler, SchedulerLimits, Target},
};

/// Seeds that once failed.
const SEEDS: &[u64] = &[30526];
const SLOTS: u32 = 3;
const IN_FLIGHT: u32 = 7;

/// How a receiver behaves.
#[derive(Clone, Copy, Debug)]
enum Receiver {
    Good,
    Dead,
    Slow,
    Flapping,
}

/// An attempt under way.
struct Running {
    target: Arc<Target>,
    claimed: Claimed,
    began_at: MonoTime,
    ends_at: MonoTime,
    code: Option<u16>,
}

struct World {
    seed: u64,
    environment: Arc<ManualClock>,
    dir: tempfile::TempDir,
    store: Arc<dyn Store>,
    node: NodeId,
    shared: Arc<Shared>,
    receivers: HashMap<EndpointId, Receiver>,
    running: Vec<Running>,
    ended: Vec<Outcome>,
    accepted: HashSet<EventId>,
    /// By delivery: successes in this run of the process, and in total.
    arrived: HashMap<DeliveryId, (u32, u32)>,
}

fn open(dir: &tempfile::TempDir, environment: &Arc<ManualClock>) -> (Arc<dyn Store>, Arc<Shared>) {
    let store =
        SqliteStore::open(dir.path(), Vault::new(&[1; 32]), environment.clone(), Options::default()).expect("opens");
    let limits = SchedulerLimits { in_flight: IN_FLIGHT, in_flight_per_endpoint: SLOTS };
    let shared = Arc::new(Shared::new(Scheduler::new(limits), environment.clone()));
    store.attach(shared.clone());
    (Arc::new(store), shared)
}

impl World {
    async fn new(seed: u64) -> Self {
        let environment = Arc::new(ManualClock::new(seed, 1_800_000_000));
        let dir = tempfile::tempdir().expect("a folder");
        let (store, shared) = open(&dir, &environment);
        let mut world = Self {
            seed,
            node: NodeId::new(environment.now(), &*environment),
            environment,
            dir,
            store,
            shared,
            receivers: HashMap::new(),
            running: vec![],
            ended: vec![],
            accepted: HashSet::new(),
            arrived: HashMap::new(),
        };
        world.store.take_over(world.node, world.environment.mono()).await.expect("takes over");
        for receiver in [Receiver::Good, Receiver::Good, Receiver::Dead, Receiver::Slow, Receiver::Flapping] {
            let retry = RetryPolicy { delays_s: vec![5, 25, 125] };
            let endpoint = Endpoint { retry, ..endpoint(&*world.environment) };
            world.receivers.insert(endpoint.id, receiver);
            world.store.add_endpoint(endpoint).await.expect("added");
        }
        world
    }

    /// A number below this.
    fn below(&self, most: u64) -> u64 {
        let mut bytes = [0; 8];
        self.environment.fill(&mut bytes);
        u64::from_le_bytes(bytes) % most
    }

    async fn accept(&mut self) {
        let now = self.environment.now();
        let event = EventType::parse("demo.made").expect("a type");
        let event = Event::own(event, 1.into(), None, now, &*self.environment);
        let id = event.id;
        let submission = Submission { events: vec![event.into()], now, ..Submission::default() };
        let snapshot = self.store.endpoint_snapshot().await.expect("reads");
        let accepted = self.store.accept(submission.planned(&snapshot, usize::MAX, &Default::default()).into()).await;
        assert!(matches!(accepted, Ok(Accepted::Kept(_))), "seed {}", self.seed);
        self.accepted.insert(id);
    }

    /// The engine's own step, with attempts that run in simulated time.
    async fn step(&mut self) {
        let mut started = vec![];
        let dispatcher = Dispatcher { store: self.store.clone(), node: self.node, shared: self.shared.clone() };
        dispatcher.step(&mut |target, claimed| started.push((target, claimed))).await.expect("steps");
        let now = self.environment.mono();
        for (target, claimed) in started {
            self.start(target, claimed, now);
        }
    }

    fn start(&mut self, target: Arc<Target>, claimed: Claimed, now: MonoTime) {
        let seed = self.seed;
        assert!(claimed.lease_until.since_ms(now) >= 10_000, "seed {seed}: an attempt that outlasts its lease");
        assert!(!self.running.iter().any(|one| one.claimed.id == claimed.id), "seed {seed}: twice at once");
        let same = self.running.iter().filter(|one| one.claimed.endpoint == claimed.endpoint).count();
        assert!(same < SLOTS as usize && self.running.len() < IN_FLIGHT as usize, "seed {seed}: too many at once");
        assert!(claimed.attempts < claimed.max_attempts, "seed {seed}: an attempt too many");
        let (took_ms, code) = match self.receivers[&claimed.endpoint] {
            Receiver::Good => (self.below(50) as i64, Some(200)),
            Receiver::Dead => (self.below(20) as i64, None),
            Receiver::Slow => (9_000 + self.below(1000) as i64, Some(200)),
            Receiver::Flapping => (self.below(500) as i64, Some(if self.below(3) == 0 { 503 } else { 200 })),
        };
        let ends_at = now.plus_ms(took_ms);
        self.running.push(Running { target, claimed, began_at: now, ends_at, code });
    }

    /// Ends attempts whose time is up.
    fn end_attempts(&mut self) {
        let now = self.environment.mono();
        let (ended, running): (Vec<_>, Vec<_>) = self.running.drain(..).partition(|one| one.ends_at <= now);
        self.running = running;
        for one in ended {
            let reply = one.code.map_or(Reply::Nothing, |code| Reply::Status { code, retry_after_ms: None });
            if reply.is_success() {
                let (in_life, in_all) = self.arrived.entry(one.claimed.id).or_default();
                (*in_life, *in_all) = (*in_life + 1, *in_all + 1);
                assert_eq!(*in_life, 1, "seed {}: {} arrived twice in one life", self.seed, one.claimed.id);
            }
            let outcome = self.outcome(&one, reply, now);
            let mut scheduler = self.shared.scheduler();
            scheduler.ended(&one.claimed, reply.is_success());
            scheduler.finished(&one.claimed, outcome.attempt.duration_ms, now);
            drop(scheduler);
            self.ended.push(outcome);
        }
    }

    fn outcome(&self, one: &Running, reply: Reply, now: MonoTime) -> Outcome {
        let error = (!reply.is_success()).then(|| Failure { kind: ErrorKind::Status, message: "no".into() });
        let attempt = Attempt {
            n: one.claimed.attempts + 1,
            at: self.environment.now(),
            duration_ms: now.since_ms(one.began_at).max(0) as u32,
            phases: Phases::default(),
            status_code: one.code,
            error,
            request_headers: HeaderLog::default(),
            response_headers: HeaderLog::default(),
            response_body: String::new(),
            response_truncated: false,
        };
        outcome_of(&one.target, &one.claimed, attempt, reply, self.environment.moment(), self.environment.jitter())
    }

    async fn record(&mut self) {
        let outcomes = std::mem::take(&mut self.ended);
        let done: Vec<_> = outcomes.iter().map(|one| (one.endpoint, one.delivery)).collect();
        self.store.record(self.node, outcomes.into()).await.expect("recorded");
        let mut scheduler = self.shared.scheduler();
        for (endpoint, delivery) in done {
            scheduler.recorded(endpoint, delivery);
        }
    }

    /// SIGKILL: unrecorded outcomes are lost; accepted events are not.
    async fn crash(&mut self) {
        self.running.clear();
        self.ended.clear();
        self.arrived.values_mut().for_each(|(in_life, _)| *in_life = 0);
        let nothing = Scheduler::new(SchedulerLimits { in_flight: 1, in_flight_per_endpoint: 1 });
        self.shared = Arc::new(Shared::new(nothing, self.environment.clone()));
        // Closes the old store before it is opened again.
        let (placeholder, _) = open(&tempfile::tempdir().expect("a folder"), &self.environment);
        self.store = placeholder;
        let (store, shared) = open(&self.dir, &self.environment);
        (self.store, self.shared) = (store, shared);
        // The next process has another monotonic clock.
        self.environment.restart();
        self.node = NodeId::new(self.environment.now(), &*self.environment);
        self.store.take_over(self.node, self.environment.mono()).await.expect("takes over");
    }

    async fn toggle_pause(&mut self) {
        let endpoints = self.store.all_endpoints().await.expect("reads");
        let mut endpoint = endpoints[self.below(endpoints.len() as u64) as usize].clone();
        let read_at = endpoint.updated_at;
        endpoint.paused = !endpoint.paused;
        endpoint.updated_at = self.environment.now();
        self.store.save_endpoint(endpoint, read_at).await.expect("saved");
    }

    /// A random event.
    async fn act(&mut self) {
        match self.below(100) {
            0..30 => self.accept().await,
            30..60 => self.ambient_moves(self.below(400) as i64),
            60..70 => self.ambient_moves(self.below(20_000) as i64),
            70 => self.ambient_moves(self.below(700_000) as i64),
            71 => self.sets_the_clock(5_000),
            75 => self.sets_the_clock(5 * 3_600_000),
            76 => self.sets_the_clock(50 * 24 * 3_600_000),
            72 => self.crash().await,
            73 | 74 => self.toggle_pause().await,
            _ => {}
        }
        self.end_attempts();
        if self.below(3) > 0 {
            self.record().await;
        }
        self.step().await;
    }

    fn ambient_moves(&self, ms: i64) {
        self.environment.advance_ms(ms);
    }

    /// Sets the computer's clock forward or back.
    fn sets_the_clock(&self, most_ms: u64) {
        let by_ms = self.below(2 * most_ms) as i64 - most_ms as i64;
        self.environment.set_wall_ms(by_ms);
    }

    /// With all receivers healthy and none paused, all deliveries end soon. The longest wait is for a probe, ten
    /// minutes, regardless of clock changes.
    async fn settle(&mut self) {
        for receiver in self.receivers.values_mut() {
            if !matches!(receiver, Receiver::Dead) {
                *receiver = Receiver::Good;
            }
        }
        for mut endpoint in self.store.all_endpoints().await.expect("reads") {
            let read_at = endpoint.updated_at;
            (endpoint.paused, endpoint.enabled) = (false, true);
            self.store.save_endpoint(endpoint, read_at).await.expect("saved");
        }
        for _ in 0..1_200 {
            self.environment.advance_ms(997);
            self.end_attempts();
            self.record().await;
            self.step().await;
            let ids = self.receivers.iter().filter(|(_, one)| !matches!(one, Receiver::Dead)).map(|(id, _)| *id);
            let backlogs = self.store.backlogs(ids.collect()).await.expect("reads");
            if self.running.is_empty() && backlogs.iter().all(|backlog| backlog.pending == 0) {
                return;
            }
        }
        panic!("seed {}: it does not come to an end", self.seed);
    }

    /// Every accepted event reached every endpoint that is not dead, or failed after all its attempts.
    async fn decide(&self) {
        for event in &self.accepted {
            let deliveries = self.store.deliveries_of(*event).await.expect("reads");
            assert_eq!(deliveries.len(), self.receivers.len(), "seed {}", self.seed);
            for delivery in deliveries {
                let dead = matches!(self.receivers[&delivery.endpoint_id], Receiver::Dead);
                let arrived = self.arrived.get(&delivery.id).is_some_and(|(_, in_all)| *in_all > 0);
                match delivery.state {
                    State::Delivered => assert!(arrived, "seed {}: it says so, but it did not", self.seed),
                    State::Failed => assert_eq!(delivery.attempts, delivery.max_attempts, "seed {}", self.seed),
                    State::Pending => assert!(dead, "seed {}: forgotten", self.seed),
                    other => panic!("seed {}: {other:?}", self.seed),
                }
            }
        }
    }
}

async fn simulate(seed: u64) {
    let mut world = World::new(seed).await;
    for _ in 0..150 {
        world.act().await;
    }
    world.settle().await;
    world.decide().await;
}

#[tokio::test]
async fn invariants_hold_for_every_seed() {
    let count = std::env::var("GANCHO_TEST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    let first = std::env::var("GANCHO_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    for seed in SEEDS.iter().copied().chain(first..first + count) {
        simulate(seed).await;
    }
}

/// CONTRACT §3: an endpoint that always fails.
#[tokio::test]
async fn five_days_of_failures_disable_an_endpoint_and_keep_what_waits() {
    const HOUR_MS: i64 = 3_600_000;
    let mut world = World::new(7).await;
    let dead = world.receivers.iter().find(|(_, one)| matches!(one, Receiver::Dead)).map(|(id, _)| *id);
    let dead = dead.expect("there is one");
    let began = world.environment.now();
    let mut disabled_after_ms = None;
    for minute in 0..6 * 24 * 60 {
        if minute % 60 == 0 {
            world.accept().await;
        }
        let probes = world.running.iter().filter(|one| one.claimed.endpoint == dead).count();
        assert!(minute < 60 || probes <= 1, "one probe at a time");
        assert!(disabled_after_ms.is_none() || probes == 0, "nothing goes to a disabled endpoint");
        world.end_attempts();
        world.record().await;
        world.step().await;
        let endpoint = world.store.endpoint(dead).await.expect("reads");
        if !endpoint.enabled && disabled_after_ms.is_none() {
            assert_eq!(endpoint.disabled_reason.as_deref(), Some("failing"));
            disabled_after_ms = Some(world.environment.now().since_ms(began));
        }
        world.ambient_moves(60_000);
    }
    let after_ms = disabled_after_ms.expect("it was disabled");
    assert!((5 * 24 * HOUR_MS..(5 * 24 + 1) * HOUR_MS).contains(&after_ms), "after {} h", after_ms / HOUR_MS);
    let backlog = &world.store.backlogs(vec![dead]).await.expect("reads")[0];
    assert!(backlog.pending > 0, "what waits keeps waiting");
    let health = world.store.backlogs(world.receivers.keys().copied().collect()).await.expect("reads");
    assert_eq!(health.iter().filter(|one| one.pending > 0).count(), 1, "nobody else suffers");
}
