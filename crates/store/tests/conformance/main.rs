//! One suite that every store passes. Each test gets an empty store and a clock set by hand.

mod accept;
mod access;
mod bin;
mod customer;
mod deliver;
mod endpoint;
mod history;
mod issue;
mod job;
mod lease;
mod list;
mod people;
mod personal_data;
mod repair;
mod rivals;
mod scale;
mod search;
mod snapshot;
mod upkeep;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use gancho_model::{
    Attempt, Clock as _, Decision, DeliveryId, Endpoint, EndpointId, Environment, ErrorKind, Event, EventId, EventType,
    Failure, HeaderLog, Health, Moment, MonoTime, NodeId, Pattern, Phases, PlannedDelivery, Priority, Provenance,
    Secret, SigningSecrets, Source, SourceId, SourceKind, Timestamp, render_body,
};
use gancho_store::{
    Accepted, Claimed, Claims, DeliveryNotifier, NewEvent, Outcome, Store, StoreError, Submission, Want,
    postgres::{Options as PostgresOptions, PostgresStore},
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use gancho_testkit::{Database, Engine, Instance, ManualClock};
use serde_json::{Map, Value};

/// A kind of store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// The suite: every test that each store must pass, by name. Those under `own` open stores themselves.
macro_rules! suite {
    ($store:ident: $kind:expr) => {
        suite! { @tests $store: $kind;
            accept: [events_come_with_their_deliveries_and_a_number_without_holes, many_at_once_have_numbers_of_their_own, a_place_of_the_engine_is_used_at_once_under_a_lease, repeats_are_recalled_and_races_lost, what_waits_is_counted_through_starts_and_beside_other_processes, rows_are_remembered_and_forgotten, rows_of_an_outbox_are_processed_once, a_plan_made_from_older_endpoints_is_refused, endpoints_that_another_process_changed_are_read_again, what_was_understood_by_old_rows_is_refused],
            access: [sources_and_their_tokens_live_and_go_together, tokens_and_people],
            bin: [a_bin_keeps_what_comes_until_it_expires, of_very_many_requests_the_newest_stay],
            customer: [customers_are_remembered_by_source_and_forgotten],
            deliver: [what_is_leased_is_nobody_else_s_until_the_lease_ends, a_race_of_claims_gives_each_delivery_once, a_start_frees_every_lease, every_attempt_is_one_record, health_follows_live_attempts_of_the_same_url, a_person_sends_again_and_cancels, what_failed_during_an_outage_is_sent_again_by_itself] own: [nothing_is_sent_again_by_itself_if_the_setting_says_so],
            endpoint: [an_endpoint_comes_back_as_it_was, an_id_is_given_once, two_who_change_at_once_don_t_overwrite_each_other, pages_of_endpoints, a_disabled_one_collects_nothing_and_a_paused_one_waits, removing_cancels_what_waits_a_little_at_a_time],
            history: [entries_newest_first_by_object_and_page_by_page, of_two_who_tell_people_one_does, attempts_are_counted_by_endpoint_and_hour_tests_aside, what_failed_is_counted_while_it_is_failed, documents_are_found_by_the_beginning_of_their_number, nobody_but_a_listener_sends_what_it_forwarded, of_very_many_events_of_one_moment_all_are_sent_again] own: [what_matches_is_counted_and_sent_again_once],
            issue: [failures_of_one_cause_are_one_issue, an_issue_ends_when_the_endpoint_works_again, answers_that_differ_each_time_fill_nothing],
            job: [what_a_start_finds_running_was_interrupted, a_step_is_kept_with_what_it_sends_and_goes_on_from_there] own: [progress_is_what_became_of_its_deliveries],
            lease: [one_node_has_a_lease_until_it_ends, who_lost_the_lease_records_only_that_it_arrived, an_attempt_counts_though_its_lease_ended_under_its_node_s_hands],
            list: [filters_agree_with_looking_at_each],
            people: [somebody_who_may_do_everything_is_always_left, sessions_end_by_time_by_hand_and_with_another_password],
            personal_data: [what_is_about_one_customer_is_found_and_erased, of_very_many_events_a_few_are_erased_at_a_time, what_bins_received_of_one_customer_goes],
            repair: [whatever_says_that_it_was_repaired_asks_for_a_probe, the_first_success_releases_everything_that_waits, a_passed_test_is_a_success_of_a_failing_endpoint_with_an_empty_queue_too, a_passed_test_of_a_disabled_endpoint_changes_nothing, a_healthy_endpoint_s_retries_become_due, what_is_sent_again_may_be_the_probe_and_count, a_lease_that_is_given_back_is_due_at_once, what_a_delivery_waits_for_is_known_from_what_is_stored] own: [a_start_plans_everything_anew_whatever_the_clock_shows],
            search: [parts_of_words_are_found_without_case_and_accents],
            snapshot: [what_was_seen_is_kept_changed_and_forgotten, news_is_kept_with_its_events_or_not_at_all, keys_come_in_order_page_by_page_and_by_day, a_removed_source_leaves_nothing_seen_and_others_stay, who_asked_before_can_keep_nothing_any_more],
            upkeep: [what_waits_too_long_expires_and_what_ended_goes, what_expires_is_there_to_be_seen_however_old_it_is, one_that_was_sent_again_stays_until_it_ended, an_outcome_that_comes_when_its_delivery_is_gone_is_let_go, repeats_are_forgotten_after_thirty_days, rows_of_an_outbox_are_forgotten_after_sixty_days, numbers_are_never_given_twice_though_all_events_are_gone],
        }
    };
    (@tests $store:ident: $kind:expr; $($module:ident: [$($test:ident),* $(,)?] $(own: [$($own:ident),*])?,)*) => {
        mod $store {
            use super::*;
            $(mod $module {
                use super::*;
                $(#[tokio::test]
                async fn $test() {
                    crate::$module::$test(Bench::of($kind).await).await;
                })*
                $($(#[tokio::test]
                async fn $own() {
                    crate::$module::$own($kind).await;
                })*)?
            })*
        }
    };
}

// One line for each store.
suite!(sqlite: Kind::Sqlite);
suite!(postgres: Kind::Postgres);

/// A store to be tested, and what goes with it.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) environment: Arc<ManualClock>,
    pub(crate) notifier: Arc<TestNotifier>,
    pub(crate) node: NodeId,
    home: Home,
}

/// Where a store has its data.
enum Home {
    Sqlite(tempfile::TempDir),
    Postgres(Database),
}

impl Home {
    async fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::Sqlite(tempfile::tempdir().expect("a folder")),
            Kind::Postgres => Self::Postgres(Instance::shared(Engine::Postgres).blank().await),
        }
    }

    /// A store on what is there.
    async fn open(&self, environment: Arc<ManualClock>, resend_after_outage: bool) -> Arc<dyn Store> {
        let vault = Vault::new(&[7; 32]);
        match self {
            Self::Sqlite(dir) => {
                let options = Options { resend_after_outage, ..Options::default() };
                Arc::new(SqliteStore::open(dir.path(), vault, environment, options).expect("opens"))
            }
            Self::Postgres(database) => {
                // The clock is set by hand.
                let options = PostgresOptions { resend_after_outage, shared_clock: false, ..Default::default() };
                let store = PostgresStore::open(&database.url, vault, environment, options).await;
                Arc::new(store.expect("opens"))
            }
        }
    }
}

/// Records notifications, and accepts as many reservations as it is set to.
#[derive(Default)]
pub(crate) struct TestNotifier {
    pub(crate) places: Mutex<u32>,
    pub(crate) handed_over: Mutex<Vec<Claimed>>,
    pub(crate) due: Mutex<Vec<(EndpointId, Priority, MonoTime)>>,
    pub(crate) forgotten: Mutex<Vec<DeliveryId>>,
    /// How often somebody was about to look.
    pub(crate) settled: Mutex<u32>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) const LEASE_MS: i64 = 15_000;

#[async_trait::async_trait]
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
    fn health_changed(&self, _: Vec<(EndpointId, Health)>) {}
    async fn settle(&self) {
        *lock(&self.settled) += 1;
    }
}

impl Bench {
    /// Sends an event to one endpoint, as a sample.
    pub(crate) async fn send_sample(&self, endpoint: EndpointId, event: Event) -> Result<DeliveryId, StoreError> {
        let planned = PlannedDelivery { endpoint, max_attempts: 1, skipped: None, body: None };
        let sent = self.store.send_apart(vec![(event, planned)], Priority::Test, None).await?;
        Ok(sent[0])
    }

    /// Empty, of a kind of store.
    pub(crate) async fn of(kind: Kind) -> Self {
        Self::made(kind, true).await
    }

    /// The same, that sends nothing again by itself when an outage ends.
    pub(crate) async fn without_resending(kind: Kind) -> Self {
        Self::made(kind, false).await
    }

    /// Of SQLite with so many pages at most.
    pub(crate) async fn with_pages(pages_max: u32) -> Self {
        let environment = Arc::new(ManualClock::new(1, 1_800_000_000));
        let dir = tempfile::tempdir().expect("a folder");
        let options = Options { pages_max, ..Options::default() };
        let store = SqliteStore::open(dir.path(), Vault::new(&[7; 32]), environment.clone(), options);
        Self::of_store(Arc::new(store.expect("opens")), Home::Sqlite(dir), environment)
    }

    async fn made(kind: Kind, resend_after_outage: bool) -> Self {
        let environment = Arc::new(ManualClock::new(1, 1_800_000_000));
        Self::on(Home::of(kind).await, environment, resend_after_outage).await
    }

    async fn on(home: Home, environment: Arc<ManualClock>, resend_after_outage: bool) -> Self {
        let store = home.open(environment.clone(), resend_after_outage).await;
        Self::of_store(store, home, environment)
    }

    fn of_store(store: Arc<dyn Store>, home: Home, environment: Arc<ManualClock>) -> Self {
        let notifier = Arc::new(TestNotifier::default());
        store.attach(notifier.clone());
        let node = NodeId::new(environment.now(), &*environment);
        Self { store, environment, notifier, node, home }
    }

    /// The same data, opened anew as after a crash.
    pub(crate) async fn reopen(self) -> Self {
        let Self { store, environment, home, .. } = self;
        drop(store);
        Self::on(home, environment, true).await
    }

    /// The same data, opened by another process beside this one.
    pub(crate) async fn another(&self) -> Arc<dyn Store> {
        self.home.open(self.environment.clone(), true).await
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        match &self.home {
            Home::Sqlite(dir) => dir.path(),
            Home::Postgres(_) => unreachable!("only SQLite has a folder"),
        }
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
            paused: false,
            heard_at: None,
            created_at: self.now(),
        }
    }

    /// A source that is asked, and the version by which it is.
    pub(crate) async fn asked_source(&self) -> (SourceId, u64) {
        let source = self.source();
        self.store.add_source(source.clone(), None).await.expect("added");
        (source.id, self.store.open_seen(source.id).await.expect("is there"))
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
        self.store.claim(self.node, vec![want], self.environment.mono()).await.expect("claims")
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
    let body = render_body(id, &kind, now, data, &Provenance { source, ..Provenance::default() });
    let event =
        Event { id, sequence: 0, event: kind, created: now, arrived_at: now, source, object: None, label: None, body };
    event.into()
}

/// Plans the deliveries as intake does, and keeps all of it.
pub(crate) async fn keep(store: &dyn Store, submission: Submission) -> Result<Accepted, StoreError> {
    let snapshot = store.endpoint_snapshot().await?;
    store.accept(submission.planned(&snapshot, usize::MAX, &Default::default()).into()).await
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
        lease_until: claimed.lease_until,
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
