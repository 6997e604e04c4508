//! One suite that every store passes. Each test gets an empty store and a clock set by hand.

mod accept;
mod access;
mod deliver;
mod endpoint;
mod history;
mod list;
mod people;
mod repair;
mod scale;
mod snapshot;
mod upkeep;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_model::{
    Attempt, Clock as _, Decision, DeliveryId, Endpoint, EndpointId, Environment, ErrorKind, Event, EventId, EventType,
    Failure, HeaderLog, Moment, MonoTime, Pattern, Phases, Priority, Secret, SigningSecrets, Source, SourceId,
    SourceKind, Timestamp, render_body,
};
use gancho_store::{
    Accepted, Claimed, Claims, DeliveryNotifier, NewEvent, Outcome, Store, StoreError, Submission, Want,
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_testkit::ManualClock;
use serde_json::{Map, Value};

/// A store to be tested, and what goes with it.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) environment: Arc<ManualClock>,
    pub(crate) notifier: Arc<TestNotifier>,
    dir: tempfile::TempDir,
}

/// Records notifications, and accepts as many reservations as it is told to.
#[derive(Default)]
pub(crate) struct TestNotifier {
    pub(crate) places: Mutex<u32>,
    pub(crate) handed_over: Mutex<Vec<Claimed>>,
    pub(crate) due: Mutex<Vec<(EndpointId, Priority, MonoTime)>>,
    pub(crate) forgotten: Mutex<Vec<DeliveryId>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) const LEASE_MS: i64 = 15_000;

impl DeliveryNotifier for TestNotifier {
    fn reserve(&self, _: EndpointId, now: MonoTime) -> Option<MonoTime> {
        let mut places = lock(&self.places);
        *places = places.checked_sub(1)?;
        Some(now.plus_ms(LEASE_MS))
    }
    fn enqueue(&self, claimed: Vec<Claimed>) {
        lock(&self.handed_over).extend(claimed);
    }
    fn cancel_reservation(&self, _: EndpointId) {
        *lock(&self.places) += 1;
    }
    fn forget(&self, _: EndpointId, delivery: DeliveryId) {
        lock(&self.forgotten).push(delivery);
    }
    fn due(&self, endpoint: EndpointId, lane: Priority, at: MonoTime) {
        lock(&self.due).push((endpoint, lane, at));
    }
    fn endpoints_changed(&self) {}
}

impl Bench {
    pub(crate) fn sqlite() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let environment = Arc::new(ManualClock::new(1, 1_800_000_000));
        let store = SqliteStore::open(dir.path(), Vault::new(&[7; 32]), environment.clone(), options).expect("opens");
        let (store, notifier): (Arc<dyn Store>, _) = (Arc::new(store), Arc::new(TestNotifier::default()));
        store.attach(notifier.clone());
        Self { store, environment, notifier, dir }
    }

    /// The same data, opened anew as after a crash.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, environment, dir, .. } = self;
        drop(store);
        let store = SqliteStore::open(dir.path(), Vault::new(&[7; 32]), environment.clone(), Options::default());
        let (store, notifier): (Arc<dyn Store>, _) =
            (Arc::new(store.expect("opens")), Arc::new(TestNotifier::default()));
        store.attach(notifier.clone());
        Self { store, environment, notifier, dir }
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.environment.now()
    }

    pub(crate) fn moment(&self) -> Moment {
        self.environment.moment()
    }

    pub(crate) fn mono(&self) -> MonoTime {
        self.environment.mono()
    }

    pub(crate) fn source(&self) -> Source {
        Source {
            id: SourceId::new(self.now(), &*self.environment),
            name: "ERP".into(),
            kind: SourceKind::Plugin,
            url: Some(Secret::new("https://u:p@erp.example")),
            key: None,
            time_zone: "Europe/Madrid".into(),
            models: Some(vec!["Cliente".into()]),
            heard_at: None,
            created_at: self.now(),
        }
    }

    pub(crate) async fn add_endpoint(&self, patterns: &[&str]) -> Endpoint {
        let endpoint = endpoint(&*self.environment, patterns);
        self.store.add_endpoint(endpoint.clone()).await.expect("added");
        endpoint
    }

    pub(crate) fn event(&self, kind: &str) -> NewEvent {
        event(&*self.environment, kind, None)
    }

    pub(crate) async fn accept(&self, events: Vec<NewEvent>) -> Vec<(EventId, u64)> {
        let submission = Submission { events, now: self.now(), ..Submission::default() };
        match self.keep(submission).await.expect("accepted") {
            Accepted::Kept(kept) => kept,
            other => panic!("nobody raced: {other:?}"),
        }
    }

    /// Plans the deliveries as intake does, and keeps all of it.
    pub(crate) async fn keep(&self, submission: Submission) -> Result<Accepted, StoreError> {
        keep(&*self.store, submission).await
    }

    pub(crate) async fn claim(&self, endpoint: EndpointId, limit: u32) -> Claims {
        self.claim_lane(endpoint, Priority::Live, limit, false).await
    }

    pub(crate) async fn claim_lane(&self, endpoint: EndpointId, lane: Priority, limit: u32, probe: bool) -> Claims {
        let lease_until = self.environment.mono().plus_ms(LEASE_MS);
        let want = Want { endpoint, lane, limit, lease_until, probe };
        self.store.claim(vec![want], self.environment.mono()).await.expect("claims")
    }

    pub(crate) async fn pending(&self, endpoint: EndpointId) -> u64 {
        self.store.backlogs(vec![endpoint]).await.expect("reads")[0].pending
    }
}

/// One that has something in each of its settings.
pub(crate) fn endpoint(environment: &dyn Environment, patterns: &[&str]) -> Endpoint {
    let plain = gancho_testkit::endpoint(environment);
    let next = Some((Secret::new("two"), plain.created_at.plus_ms(5)));
    Endpoint {
        url: "https://example.com/hook".into(),
        name: Some("Tienda".into()),
        events: patterns.iter().map(|pattern| Pattern::parse(pattern).expect("a pattern")).collect(),
        headers: BTreeMap::from([("X-A".to_owned(), "b".to_owned())]),
        rate_per_s: Some(5),
        secrets: SigningSecrets { current: Secret::new("one"), next },
        ..plain
    }
}

pub(crate) fn event(environment: &dyn Environment, kind: &str, source: Option<SourceId>) -> NewEvent {
    let now = environment.now();
    let id = EventId::new(now, environment);
    let kind = EventType::parse(kind).expect("a type");
    let data = Map::from_iter([("object".to_owned(), Value::from(1))]);
    let body = render_body(id, &kind, now, data, source, false);
    let event =
        Event { id, sequence: 0, event: kind, created: now, arrived_at: now, source, object: None, label: None, body };
    event.into()
}

/// Plans the deliveries as intake does, and keeps all of it.
pub(crate) async fn keep(store: &dyn Store, submission: Submission) -> Result<Accepted, StoreError> {
    let snapshot = store.endpoint_snapshot().await?;
    store.accept(submission.planned(&snapshot, usize::MAX).into()).await
}

pub(crate) fn outcome(claimed: &Claimed, verdict: Decision, at: Moment) -> Outcome {
    let error = (!verdict.is_success()).then(|| Failure { kind: ErrorKind::Status, message: "500".into() });
    let attempt = Attempt {
        n: claimed.attempts + 1,
        at: at.wall,
        duration_ms: 3,
        phases: Phases::default(),
        status_code: Some(if error.is_some() { 500 } else { 200 }),
        error,
        request_headers: HeaderLog::default(),
        response_headers: [("content-type", "text/plain")].into_iter().collect(),
        response_body: "\u{FFFD}ok\u{0}".into(),
        response_truncated: false,
    };
    Outcome {
        delivery: claimed.id,
        handle: claimed.handle,
        endpoint: claimed.endpoint,
        lane: claimed.lane,
        max_attempts: claimed.max_attempts,
        attempt,
        verdict,
        url: "https://example.com/hook".into(),
        gone: false,
        ended_at: at,
        jitter: 0.0,
        probe_request: 0,
    }
}
