//! Two nodes that do the same at the same moment: they wait for a lock that a third holds, then both go on.

use std::{sync::Arc, time::Duration};

use gancho_model::{Decision, EndpointId, Priority, ReplayScope, State};
use gancho_store::{Bulk, BulkAct, DeliveryFilter, Replay, Store};
use gancho_testkit::{Database, PATIENCE};

use crate::{Bench, Home, Kind, outcome};

/// A delivery that failed, and its endpoint.
async fn failed(bench: &Bench) -> EndpointId {
    let endpoint = bench.add_endpoint(&["*"]).await.id;
    bench.accept(vec![bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint, 1).await.claimed.remove(0);
    let outcome = outcome(&claimed, Decision::Failed, bench.moment());
    bench.store.record(bench.node, vec![outcome].into()).await.expect("recorded");
    assert_eq!(bench.pending(endpoint).await, 0);
    endpoint
}

/// What both nodes return who do this while a third one holds this lock.
async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    bench: &Bench,
    (lock, waiters): (&str, i64),
    act: impl Fn(Arc<dyn Store>) -> F,
) -> [T; 2] {
    let Home::Postgres(database) = &bench.home else { unreachable!("of PostgreSQL") };
    let other = bench.another().await;
    let mut holder = database.client().await;
    holder.run(&format!("BEGIN; {lock}")).await;
    let (one, other) = (tokio::spawn(act(bench.store.clone())), tokio::spawn(act(other)));
    tokio::time::timeout(PATIENCE, wait(database, waiters)).await.expect("they wait for the lock");
    holder.run("COMMIT").await;
    [one.await.expect("ends"), other.await.expect("ends")]
}

async fn wait(database: &Database, waiters: i64) {
    let waiting =
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while database.number(waiting).await < waiters {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn what_both_send_again_is_sent_once() {
    let bench = Bench::of(Kind::Postgres).await;
    let endpoint = failed(&bench).await;
    let now = bench.mono();
    let counts = at_once(&bench, ("SELECT n FROM deliveries FOR UPDATE", 2), |store| async move {
        let filter = DeliveryFilter { endpoint: Some(endpoint), ..DeliveryFilter::default() };
        let resend = Bulk { act: BulkAct::Resend, filter, dry_run: false, now, job: None };
        store.act_on(resend, None).await.map(|done| done.count)
    });
    assert_eq!(counts.await.into_iter().sum::<Result<u64, _>>(), Ok(1));
    assert_eq!(bench.pending(endpoint).await, 1);
    assert_eq!(bench.claim_lane(endpoint, Priority::Replay, 9, false).await.claimed.len(), 1);
}

#[tokio::test]
async fn one_that_two_people_resend_waits_once() {
    let bench = Bench::of(Kind::Postgres).await;
    let endpoint = failed(&bench).await;
    let all = bench.store.deliveries(None, DeliveryFilter::default(), 9).await.expect("reads").items;
    let (id, now) = (all[0].id, bench.mono());
    let lock = "SELECT n FROM deliveries FOR UPDATE";
    let states =
        at_once(&bench, (lock, 2), |store| async move { store.retry(id, now).await.map(|one| one.state) }).await;
    assert_eq!(states, [Ok(State::Pending), Ok(State::Pending)]);
    assert_eq!(bench.pending(endpoint).await, 1);
}

#[tokio::test]
async fn what_an_endpoint_missed_is_sent_once_by_two_replays() {
    let bench = Bench::of(Kind::Postgres).await;
    bench.accept(vec![bench.event("a.b")]).await;
    let endpoint = bench.add_endpoint(&["*"]).await.id;
    let (since, now) = (bench.now(), bench.moment());
    let counts = at_once(&bench, ("LOCK TABLE deliveries IN EXCLUSIVE MODE", 1), |store| async move {
        let replay = Replay {
            endpoint,
            since,
            until: None,
            types: vec![],
            object: None,
            only: ReplayScope::Missed,
            dry_run: false,
            bytes_max: u64::MAX,
            job: None,
        };
        store.replay(replay, None, now).await.map(|done| done.count)
    });
    assert_eq!(counts.await.into_iter().sum::<Result<u64, _>>(), Ok(1));
    assert_eq!(bench.pending(endpoint).await, 1);
}

/// The answer to a commit is lost with its connection: the recorder repeats what was recorded.
#[tokio::test]
async fn an_outcome_recorded_twice_counts_once() {
    let bench = Bench::of(Kind::Postgres).await;
    let endpoint = bench.add_endpoint(&["*"]).await.id;
    bench.accept(vec![bench.event("a.b")]).await;
    let claimed = bench.claim(endpoint, 1).await.claimed.remove(0);
    let outcome = outcome(&claimed, Decision::Failed, bench.moment());
    for _ in 0..2 {
        bench.store.record(bench.node, vec![outcome.clone()].into()).await.expect("recorded");
    }
    let (delivery, attempts) = bench.store.delivery(claimed.id).await.expect("is there");
    assert_eq!((delivery.attempts, attempts.len()), (1, 1));
    assert_eq!(bench.store.endpoint(endpoint).await.expect("is there").health.consecutive_failures, 1);
    let hours = bench.store.hours(bench.now().plus_ms(-3_600_000)).await.expect("reads");
    assert_eq!(hours.iter().map(|hour| hour.counters.failed).sum::<u64>(), 1);
}
