//! Outcomes are grouped, except while a reader waits for them.

use std::{sync::Arc, time::Duration};

use gancho_model::{
    Attempt, Clock as _, Delivery, Endpoint, EndpointId, Event, EventType, HeaderLog, NodeId, Phases, Priority, Reply,
    State,
};
use gancho_store::{
    Accepted, Claimed, Delivering as _, Store, Submission, Want,
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_testkit::{ManualClock, endpoint};
use tokio::sync::mpsc;

use crate::{
    engine::outcome_of,
    notifier::Shared,
    recorder::{self, Ended},
    scheduler::{Scheduler, SchedulerLimits, Target},
};

struct Bench {
    environment: Arc<ManualClock>,
    store: Arc<dyn Store>,
    node: NodeId,
    shared: Arc<Shared>,
    outcomes: mpsc::Sender<Ended>,
    recording: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let environment = Arc::new(ManualClock::new(1, 1_800_000_000));
        let dir = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(dir.path(), Vault::new(&[1; 32]), environment.clone(), Options::default())
            .expect("opens");
        let limits = SchedulerLimits { in_flight: 8, in_flight_per_endpoint: 8 };
        let shared = Arc::new(Shared::new(Scheduler::new(limits), environment.clone()));
        let node = NodeId::new(environment.now(), &*environment);
        store.take_over(node, environment.moment().mono).await.expect("takes over");
        store.attach(shared.clone());
        let store: Arc<dyn Store> = Arc::new(store);
        let (outcomes, ended) = mpsc::channel(16);
        let recording = tokio::spawn(recorder::run(store.clone(), node, shared.clone(), ended));
        Self { environment, store, node, shared, outcomes, recording, _dir: dir }
    }

    /// An event for a new endpoint, and its delivery as the engine gets it.
    async fn claim(&self) -> (Endpoint, Claimed) {
        let endpoint = endpoint(&*self.environment);
        self.store.add_endpoint(endpoint.clone()).await.expect("added");
        let now = self.environment.now();
        let kind = EventType::parse("demo.made").expect("a type");
        let event = Event::own(kind, 1.into(), None, now, &*self.environment);
        let submission = Submission { events: vec![event.into()], now, ..Submission::default() };
        let snapshot = self.store.endpoint_snapshot().await.expect("reads");
        let accepted = self.store.accept(submission.planned(&snapshot, usize::MAX, &Default::default()).into()).await;
        assert!(matches!(accepted, Ok(Accepted::Kept(_))));
        let now = self.environment.moment().mono;
        let lease_until = now.plus_ms(15_000);
        let want = Want { endpoint: endpoint.id, lane: Priority::Live, limit: 1, lease_until, probe: false };
        let claims = self.store.claim(self.node, vec![want], now).await.expect("claims");
        (endpoint, claims.claimed[0].clone())
    }

    /// Its attempt ended with this status.
    async fn end(&self, endpoint: &Endpoint, claimed: &Claimed, code: u16) {
        let attempt = Attempt {
            n: 1,
            at: self.environment.now(),
            duration_ms: 1,
            phases: Phases::default(),
            status_code: Some(code),
            error: None,
            request_headers: HeaderLog::default(),
            response_headers: HeaderLog::default(),
            response_body: String::new(),
            response_truncated: false,
        };
        let reply = Reply::Status { code, retry_after_ms: None };
        let target = Target::new(endpoint.clone());
        let outcome = outcome_of(&target, claimed, attempt, reply, self.environment.moment(), 0.5);
        self.shared.unrecorded.add();
        self.outcomes.send(Ended::new(outcome, endpoint)).await.expect("the recorder runs");
    }

    async fn delivery(&self, claimed: &Claimed) -> Delivery {
        self.store.delivery(claimed.id).await.expect("reads").0
    }

    async fn pending(&self, endpoint: EndpointId) -> u64 {
        self.store.backlogs(vec![endpoint]).await.expect("reads")[0].pending
    }
}

#[tokio::test]
async fn who_looks_right_after_an_arrival_sees_it() {
    let bench = Bench::new().await;
    for _ in 0..20 {
        let (endpoint, claimed) = bench.claim().await;
        assert_eq!(bench.pending(endpoint.id).await, 1);
        bench.end(&endpoint, &claimed, 200).await;
        assert_eq!(bench.delivery(&claimed).await.state, State::Delivered);
        assert_eq!(bench.pending(endpoint.id).await, 0);
    }
}

#[tokio::test]
async fn what_arrived_is_recorded_though_nobody_looks_and_all_of_it_at_a_stop() {
    let bench = Bench::new().await;
    let (endpoint, claimed) = bench.claim().await;
    bench.end(&endpoint, &claimed, 200).await;
    let recorded = bench.shared.unrecorded.wait_until_recorded(1);
    tokio::time::timeout(Duration::from_secs(20), recorded).await.expect("recorded by itself");
    let (endpoint, claimed) = bench.claim().await;
    bench.end(&endpoint, &claimed, 200).await;
    let Bench { store, outcomes, recording, .. } = bench;
    drop(outcomes);
    recording.await.expect("ends");
    assert_eq!(store.delivery(claimed.id).await.expect("reads").0.state, State::Delivered);
}
