use gancho_model::{Decision, NodeId, SourceId, State};
use gancho_store::Lease;

use crate::{Bench, LEASE_MS, outcome};

impl Bench {
    fn another_node(&self) -> NodeId {
        NodeId::new(self.now(), &*self.environment)
    }
}

pub(crate) async fn one_node_has_a_lease_until_it_ends(bench: Bench) {
    let (one, other) = (bench.node, bench.another_node());
    let acquire = async |lease, node| {
        let now = bench.mono();
        bench.store.acquire_lease(lease, node, now, now.plus_ms(1_000)).await.expect("answers")
    };
    assert!(acquire(Lease::Upkeep, one).await);
    assert!(!acquire(Lease::Upkeep, other).await);
    assert!(acquire(Lease::Source(SourceId::from_bytes([1; 16])), other).await, "each lease is one of its own");
    bench.environment.advance_ms(600);
    assert!(acquire(Lease::Upkeep, one).await, "who has it holds on to it");
    bench.environment.advance_ms(600);
    assert!(!acquire(Lease::Upkeep, other).await);
    bench.environment.advance_ms(400);
    assert!(acquire(Lease::Upkeep, other).await, "it has ended");
    bench.store.give_up_lease(Lease::Upkeep, one).await.expect("nothing to do");
    assert!(!acquire(Lease::Upkeep, one).await, "nobody gives up what another has");
    bench.store.give_up_lease(Lease::Upkeep, other).await.expect("gives up");
    assert!(acquire(Lease::Upkeep, one).await);
}

/// A node that stood still for longer than its lease: the delivery is another's by now.
pub(crate) async fn who_lost_the_lease_records_only_that_it_arrived(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b"), bench.event("a.b")]).await;
    let late = bench.claim(endpoint.id, 2).await.claimed;
    bench.environment.advance_ms(LEASE_MS);
    let held = bench.claim(endpoint.id, 2).await.claimed;
    assert_eq!(held.len(), 2);
    let at = bench.mono().plus_ms(60_000);
    let outcomes = vec![
        outcome(&late[0], Decision::Retry { at }, bench.moment()),
        outcome(&late[1], Decision::Delivered, bench.moment()),
    ];
    bench.store.record(bench.another_node(), outcomes.into()).await.expect("recorded");

    let failed = bench.store.delivery(late[0].id).await.expect("is there");
    assert_eq!((failed.0.state, failed.1.len()), (State::Pending, 1), "the attempt is kept");
    assert!(bench.claim(endpoint.id, 9).await.claimed.is_empty(), "and the lease is the other's still");
    let health = bench.store.endpoint(endpoint.id).await.expect("is there").health;
    assert_eq!(health.consecutive_failures, 0, "an old failure says nothing");
    assert_eq!(bench.store.delivery(late[1].id).await.expect("is there").0.state, State::Delivered);
    assert_eq!(bench.pending(endpoint.id).await, 1);

    bench.environment.advance_ms(1);
    let outcomes: Vec<_> = held.iter().map(|one| outcome(one, Decision::Delivered, bench.moment())).collect();
    bench.store.record(bench.node, outcomes.into()).await.expect("recorded");
    for one in &late {
        let (delivery, attempts) = bench.store.delivery(one.id).await.expect("is there");
        assert_eq!((delivery.state, attempts.len()), (State::Delivered, 2), "every attempt is one record");
    }
    assert_eq!(bench.pending(endpoint.id).await, 0);
}

/// A node that stood still claims again what it still has under way: it makes no second attempt, and the first one counts.
pub(crate) async fn an_attempt_counts_though_its_lease_ended_under_its_node_s_hands(bench: Bench) {
    bench.store.take_over(bench.node, bench.mono()).await.expect("takes over");
    let endpoint = bench.add_endpoint(&["*"]).await;
    bench.accept(vec![bench.event("a.b")]).await;
    let begun = bench.claim(endpoint.id, 1).await.claimed.remove(0);
    bench.environment.advance_ms(LEASE_MS);
    assert_eq!(bench.claim(endpoint.id, 1).await.claimed.len(), 1, "the lease has ended");
    let failed = outcome(&begun, Decision::Failed, bench.moment());
    bench.store.record(bench.node, vec![failed].into()).await.expect("recorded");
    let (delivery, attempts) = bench.store.delivery(begun.id).await.expect("is there");
    assert_eq!((delivery.state, attempts.len()), (State::Failed, 1));
    bench.environment.advance_ms(LEASE_MS);
    assert!(bench.claim(endpoint.id, 1).await.claimed.is_empty(), "nothing is left to be attempted");
}
