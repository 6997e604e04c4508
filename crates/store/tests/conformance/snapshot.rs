use gancho_model::Record;
use gancho_store::{NewEvent, RecordSnapshot, SnapshotUpdate, StoreError, Submission};
use serde_json::json;

use crate::Bench;

fn record(key: &str) -> Record {
    json!({"codigo": key, "lines": [{"n": 1}]}).as_object().cloned().expect("an object")
}

fn snapshot(model: &str, key: &str, day: Option<&str>) -> SnapshotUpdate {
    let seen = RecordSnapshot { key: key.into(), day: day.map(Into::into), record: record(key) };
    SnapshotUpdate { model: model.into(), key: key.into(), seen: Some(seen) }
}

fn gone(model: &str, key: &str) -> SnapshotUpdate {
    SnapshotUpdate { model: model.into(), key: key.into(), seen: None }
}

fn keys(seen: &[RecordSnapshot]) -> Vec<&str> {
    seen.iter().map(|one| one.key.as_str()).collect()
}

pub(crate) async fn what_was_seen_is_kept_changed_and_forgotten(bench: Bench) {
    let (store, (source, version)) = (&bench.store, bench.asked_source().await);
    let all =
        vec![snapshot("A", "1", Some("2026-11-01")), snapshot("A", "10", Some("2026-11-20")), snapshot("A", "2", None)];
    store.keep_seen(source, version, all.clone()).await.expect("kept");
    store.keep_seen(source, version, vec![snapshot("B", "1", None)]).await.expect("kept");
    let read = store.seen(source, "A", vec!["2".into(), "10".into(), "no".into()]).await.expect("reads");
    assert_eq!(keys(&read), ["2", "10"]);
    assert_eq!(Some(&read[1]), all[1].seen.as_ref());
    let changed = snapshot("A", "10", Some("2026-11-21"));
    store.keep_seen(source, version, vec![changed.clone(), gone("A", "2")]).await.expect("kept");
    let read = store.seen(source, "A", vec!["2".into(), "10".into()]).await.expect("reads");
    assert_eq!(read, changed.seen.into_iter().collect::<Vec<_>>());
}

pub(crate) async fn news_is_kept_with_its_events_or_not_at_all(bench: Bench) {
    let (store, (source, version)) = (&bench.store, bench.asked_source().await);
    let submission = |events: Vec<NewEvent>, snapshots| Submission {
        events,
        snapshots,
        seen_version: version,
        source: Some(source),
        now: bench.now(),
        ..Submission::default()
    };
    let event = bench.event("a.b");
    bench.keep(submission(vec![event.clone()], vec![snapshot("A", "1", None)])).await.expect("accepted");
    assert_eq!(store.seen(source, "A", vec!["1".into()]).await.expect("reads").len(), 1);
    // The same event twice can't be kept.
    let twice = submission(vec![event], vec![snapshot("A", "2", None), gone("A", "1")]);
    assert!(matches!(bench.keep(twice).await, Err(StoreError::Broken(_))));
    let read = store.seen(source, "A", vec!["1".into(), "2".into()]).await.expect("reads");
    assert_eq!(keys(&read), ["1"]);
}

pub(crate) async fn keys_come_in_order_page_by_page_and_by_day(bench: Bench) {
    let (store, (source, version)) = (&bench.store, bench.asked_source().await);
    let all =
        vec![snapshot("A", "3", Some("2026-11-01")), snapshot("A", "1", Some("2026-11-20")), snapshot("A", "2", None)];
    store.keep_seen(source, version, all).await.expect("kept");
    let page = |since: Option<&str>, after: Option<&str>| {
        store.seen_keys(source, "A", since.map(Into::into), after.map(Into::into), 2)
    };
    assert_eq!(page(None, None).await.expect("reads"), ["1", "2"]);
    assert_eq!(page(None, Some("2")).await.expect("reads"), ["3"]);
    assert_eq!(page(Some("2026-11-02"), None).await.expect("reads"), ["1"]);
}

pub(crate) async fn a_removed_source_leaves_nothing_seen_and_others_stay(bench: Bench) {
    let store = &bench.store;
    let ((source, version), (other, _)) = (bench.asked_source().await, bench.asked_source().await);
    for one in [source, other] {
        store.keep_seen(one, version, vec![snapshot("A", "1", None)]).await.expect("kept");
        store.set_mark(one, version, "swept", "1".into()).await.expect("set");
        store.set_mark(one, version, "swept", "2".into()).await.expect("set");
    }
    assert_eq!(store.marks(source).await.expect("reads"), [("swept".to_owned(), "2".to_owned())]);
    store.remove_source(source).await.expect("removed");
    assert_eq!(store.marks(source).await.expect("reads"), []);
    assert_eq!(store.seen(source, "A", vec!["1".into()]).await.expect("reads"), []);
    assert_eq!(store.open_seen(source).await, Err(StoreError::NotFound));
    assert_eq!(store.seen(other, "A", vec!["1".into()]).await.expect("reads").len(), 1);
    assert_eq!(store.marks(other).await.expect("reads").len(), 1);
}

pub(crate) async fn who_asked_before_can_keep_nothing_any_more(bench: Bench) {
    let (store, (source, before)) = (&bench.store, bench.asked_source().await);
    store.keep_seen(source, before, vec![snapshot("A", "1", None)]).await.expect("kept");
    let now = store.open_seen(source).await.expect("is there");
    let is_refused = |kept: Result<(), StoreError>| assert!(matches!(kept, Err(StoreError::Conflict(_))), "{kept:?}");
    is_refused(store.keep_seen(source, before, vec![gone("A", "1")]).await);
    is_refused(store.set_mark(source, before, "swept", "1".into()).await);
    let submission = |seen_version| Submission {
        events: vec![bench.event("a.b")],
        snapshots: vec![snapshot("A", "2", None)],
        seen_version,
        source: Some(source),
        now: bench.now(),
        ..Submission::default()
    };
    is_refused(bench.keep(submission(before)).await.map(drop));
    assert_eq!(store.seen(source, "A", vec!["1".into(), "2".into()]).await.expect("reads").len(), 1);
    assert_eq!(store.feed(0, Default::default(), 9).await.expect("reads").items.len(), 0, "nor its event");
    bench.keep(submission(now)).await.expect("accepted");
    assert_eq!(store.seen(source, "A", vec!["1".into(), "2".into()]).await.expect("reads").len(), 2);
}
