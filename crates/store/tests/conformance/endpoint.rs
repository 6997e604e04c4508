use gancho_model::{Priority, State};
use gancho_store::StoreError;

use crate::{Bench, endpoint, lock};

pub(crate) async fn an_endpoint_comes_back_as_it_was(bench: Bench) {
    let added = bench.add_endpoint(&["a.*", "*.b"]).await;
    assert_eq!(bench.store.endpoint(added.id).await, Ok(added.clone()));
    let bench = bench.reopen().await;
    assert_eq!(bench.store.all_endpoints().await, Ok(vec![added]));
    let unknown = endpoint(&*bench.environment, &["*"]);
    assert_eq!(bench.store.endpoint(unknown.id).await, Err(StoreError::NotFound));
}

pub(crate) async fn two_who_change_at_once_don_t_overwrite_each_other(bench: Bench) {
    let mut endpoint = bench.add_endpoint(&["*"]).await;
    let read_at = endpoint.updated_at;
    endpoint.name = Some("Uno".into());
    bench.store.save_endpoint(endpoint.clone(), read_at).await.expect("saved");
    endpoint.name = Some("Dos".into());
    assert!(matches!(bench.store.save_endpoint(endpoint.clone(), read_at).await, Err(StoreError::Conflict(_))));
    assert_eq!(bench.store.endpoint(endpoint.id).await.expect("is there").name.as_deref(), Some("Uno"));
}

pub(crate) async fn an_id_is_given_once(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    let again = || async { bench.store.add_endpoint(endpoint.clone()).await };
    assert!(matches!(again().await, Err(StoreError::Conflict(_))));
    bench.store.remove_endpoint(endpoint.id, bench.now()).await.expect("removed");
    assert!(matches!(again().await, Err(StoreError::Conflict(_))), "not even of one that is gone");
    bench.add_endpoint(&["*"]).await;
}

pub(crate) async fn pages_of_endpoints(bench: Bench) {
    let mut ids = vec![];
    for _ in 0..5 {
        ids.push(bench.add_endpoint(&["*"]).await.id);
    }
    let (mut seen, mut after) = (vec![], None);
    loop {
        let page = bench.store.endpoints(after, 2).await.expect("reads");
        seen.extend(page.items.iter().map(|endpoint| endpoint.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
}

pub(crate) async fn a_disabled_one_collects_nothing_and_a_paused_one_waits(bench: Bench) {
    let mut disabled = bench.add_endpoint(&["*"]).await;
    let mut paused = bench.add_endpoint(&["*"]).await;
    (disabled.enabled, paused.paused) = (false, true);
    let at = disabled.updated_at;
    bench.store.save_endpoint(disabled.clone(), at).await.expect("saved");
    bench.store.save_endpoint(paused.clone(), at).await.expect("saved");
    *lock(&bench.notifier.places) = 9;
    bench.accept(vec![bench.event("a.b")]).await;
    assert_eq!((bench.pending(disabled.id).await, bench.pending(paused.id).await), (0, 1));
    assert!(lock(&bench.notifier.handed_over).is_empty(), "nothing is handed over for a paused one");
    let id = bench.send_sample(disabled.id, bench.event("a.b").event).await.expect("goes");
    assert_eq!(lock(&bench.notifier.handed_over)[0].lane, Priority::Test);
    assert_eq!(bench.store.delivery(id).await.expect("is there").0.max_attempts, 1);
    assert!(
        bench.store.feed(0, Default::default(), 9).await.expect("reads").items.len() == 1,
        "a test is not in the feed"
    );
}

pub(crate) async fn removing_cancels_what_waits_a_little_at_a_time(bench: Bench) {
    let endpoint = bench.add_endpoint(&["*"]).await;
    for _ in 0..3 {
        bench.accept((0..500).map(|_| bench.event("a.b")).collect()).await;
    }
    assert_eq!(bench.store.remove_endpoint(endpoint.id, bench.now()).await, Ok(1500));
    assert_eq!(bench.store.remove_endpoint(endpoint.id, bench.now()).await, Err(StoreError::NotFound));
    assert_eq!(bench.claim(endpoint.id, 9).await.claimed.len(), 0);
    assert_eq!(bench.store.cancel_removed().await, Ok(500));
    assert_eq!(bench.store.cancel_removed().await, Ok(0));
    assert_eq!(bench.pending(endpoint.id).await, 0);
    let page = bench.store.deliveries(None, Default::default(), 2000).await.expect("reads");
    assert!(page.items.len() == 1500 && page.items.iter().all(|one| one.state == State::Cancelled));
}
