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
    Ambient, Attempt, DeliveryId, Endpoint, EndpointId, ErrorKind, Event, EventId, EventType, Failure, Head, Health,
    Lane, Moment, MonoTime, Pattern, Phases, Plan, Secret, SigningSecrets, Source, SourceId, SourceKind, Timestamp,
    Verdict, render_body,
};
use gancho_store::{
    Accepted, Bell, Claimed, Claims, NewEvent, Outcome, Store, Submission, Want,
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_testkit::ManualAmbient;
use serde_json::{Map, Value};

/// A store to be tested, and what goes with it.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ambient: Arc<ManualAmbient>,
    pub(crate) bell: Arc<TestBell>,
    dir: tempfile::TempDir,
}

/// Notes what was rung, and takes as many as it is told to.
#[derive(Default)]
pub(crate) struct TestBell {
    pub(crate) places: Mutex<u32>,
    pub(crate) handed_over: Mutex<Vec<Claimed>>,
    pub(crate) due: Mutex<Vec<(EndpointId, Lane, MonoTime)>>,
    pub(crate) forgotten: Mutex<Vec<DeliveryId>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) const LEASE_MS: i64 = 15_000;

impl Bell for TestBell {
    fn reserve(&self, _: EndpointId, now: MonoTime) -> Option<MonoTime> {
        let mut places = lock(&self.places);
        *places = places.checked_sub(1)?;
        Some(now.plus_ms(LEASE_MS))
    }
    fn hand_over(&self, claimed: Vec<Claimed>) {
        lock(&self.handed_over).extend(claimed);
    }
    fn give_back(&self, _: EndpointId) {
        *lock(&self.places) += 1;
    }
    fn forget(&self, _: EndpointId, delivery: DeliveryId) {
        lock(&self.forgotten).push(delivery);
    }
    fn due(&self, endpoint: EndpointId, lane: Lane, at: MonoTime) {
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
        let ambient = Arc::new(ManualAmbient::new(1, 1_800_000_000));
        let store = SqliteStore::open(dir.path(), Vault::new(&[7; 32]), ambient.clone(), options).expect("opens");
        let (store, bell): (Arc<dyn Store>, _) = (Arc::new(store), Arc::new(TestBell::default()));
        store.attach(bell.clone());
        Self { store, ambient, bell, dir }
    }

    /// The same data, opened anew as after a crash.
    pub(crate) fn reopen(self) -> Self {
        let Self { store, ambient, dir, .. } = self;
        drop(store);
        let store = SqliteStore::open(dir.path(), Vault::new(&[7; 32]), ambient.clone(), Options::default());
        let (store, bell): (Arc<dyn Store>, _) = (Arc::new(store.expect("opens")), Arc::new(TestBell::default()));
        store.attach(bell.clone());
        Self { store, ambient, bell, dir }
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.ambient.now()
    }

    pub(crate) fn moment(&self) -> Moment {
        self.ambient.moment()
    }

    pub(crate) fn mono(&self) -> MonoTime {
        self.ambient.mono()
    }

    pub(crate) fn source(&self) -> Source {
        Source {
            id: SourceId::new(self.now(), &*self.ambient),
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
        let endpoint = endpoint(&*self.ambient, patterns);
        self.store.add_endpoint(endpoint.clone()).await.expect("added");
        endpoint
    }

    pub(crate) fn event(&self, kind: &str) -> NewEvent {
        event(&*self.ambient, kind, None)
    }

    pub(crate) async fn accept(&self, events: Vec<NewEvent>) -> Vec<(EventId, u64)> {
        let submission = Submission { events, now: self.now(), ..Submission::default() };
        match self.store.accept(submission).await.expect("accepted") {
            Accepted::Kept(kept) => kept,
            Accepted::Raced => panic!("nobody raced"),
        }
    }

    pub(crate) async fn claim(&self, endpoint: EndpointId, limit: u32) -> Claims {
        self.claim_lane(endpoint, Lane::Live, limit, false).await
    }

    pub(crate) async fn claim_lane(&self, endpoint: EndpointId, lane: Lane, limit: u32, probe: bool) -> Claims {
        let lease_until = self.ambient.mono().plus_ms(LEASE_MS);
        let want = Want { endpoint, lane, limit, lease_until, probe };
        self.store.claim(vec![want], self.ambient.mono()).await.expect("claims")
    }

    pub(crate) async fn pending(&self, endpoint: EndpointId) -> u64 {
        self.store.standings(vec![endpoint]).await.expect("reads")[0].pending
    }
}

pub(crate) fn endpoint(ambient: &dyn Ambient, patterns: &[&str]) -> Endpoint {
    let now = ambient.now();
    Endpoint {
        id: EndpointId::new(now, ambient),
        url: "https://example.com/hook".into(),
        name: Some("Tienda".into()),
        description: None,
        events: patterns.iter().map(|pattern| Pattern::parse(pattern).expect("a pattern")).collect(),
        sources: vec![],
        enabled: true,
        paused: false,
        headers: BTreeMap::from([("X-A".to_owned(), "b".to_owned())]),
        timeout_ms: 10_000,
        retry: Plan::default(),
        rate_per_s: Some(5),
        max_in_flight: None,
        secrets: SigningSecrets { current: Secret::new("one"), next: Some((Secret::new("two"), now.plus_ms(5))) },
        health: Health::default(),
        disabled_reason: None,
        created_at: now,
        updated_at: now,
    }
}

pub(crate) fn event(ambient: &dyn Ambient, kind: &str, source: Option<SourceId>) -> NewEvent {
    let now = ambient.now();
    let id = EventId::new(now, ambient);
    let kind = EventType::parse(kind).expect("a type");
    let data = Map::from_iter([("object".to_owned(), Value::from(1))]);
    let body = render_body(id, &kind, now, data, source, false);
    let event =
        Event { id, sequence: 0, event: kind, created: now, arrived_at: now, source, object: None, label: None, body };
    NewEvent { event, deliverable: true }
}

pub(crate) fn outcome(claimed: &Claimed, verdict: Verdict, at: Moment) -> Outcome {
    let error = (!verdict.is_success()).then(|| Failure { kind: ErrorKind::Status, message: "500".into() });
    let attempt = Attempt {
        n: claimed.attempts + 1,
        at: at.wall,
        duration_ms: 3,
        phases: Phases::default(),
        status_code: Some(if error.is_some() { 500 } else { 200 }),
        error,
        request_headers: Head::default(),
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
        fraction: 0.0,
        probe_request: 0,
    }
}
