use gancho_model::SourceId;
use gancho_store::Seen;
use serde_json::json;

use crate::Bench;

fn seen(key: &str, day: Option<&str>) -> Seen {
    let record = json!({"codigo": key, "lines": [{"n": 1}]}).as_object().cloned().expect("an object");
    Seen { key: key.into(), version: 1, day: day.map(Into::into), record }
}

fn keys(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|one| one.key.as_str()).collect()
}

#[tokio::test]
async fn what_was_seen_is_kept_changed_and_forgotten() {
    let bench = Bench::sqlite();
    let (store, source) = (&bench.store, SourceId::from_bytes([7; 16]));
    let all = vec![seen("1", Some("2026-11-01")), seen("10", Some("2026-11-20")), seen("2", None)];
    store.keep_seen(source, "A", all.clone(), vec![]).await.expect("kept");
    store.keep_seen(source, "B", vec![seen("1", None)], vec![]).await.expect("kept");
    let read = store.seen(source, "A", vec!["2".into(), "10".into(), "no".into()]).await.expect("reads");
    assert_eq!(keys(&read), ["2", "10"]);
    assert_eq!(read[1], all[1]);
    let changed = Seen { version: 2, ..seen("10", Some("2026-11-21")) };
    store.keep_seen(source, "A", vec![changed.clone()], vec!["2".into()]).await.expect("kept");
    assert_eq!(store.seen(source, "A", vec!["2".into(), "10".into()]).await.expect("reads"), [changed]);
}

#[tokio::test]
async fn keys_come_in_order_page_by_page_and_by_day() {
    let bench = Bench::sqlite();
    let (store, source) = (&bench.store, SourceId::from_bytes([7; 16]));
    let all = vec![seen("3", Some("2026-11-01")), seen("1", Some("2026-11-20")), seen("2", None)];
    store.keep_seen(source, "A", all, vec![]).await.expect("kept");
    let page = |since: Option<&str>, after: Option<&str>| {
        store.seen_keys(source, "A", since.map(Into::into), after.map(Into::into), 2)
    };
    assert_eq!(page(None, None).await.expect("reads"), ["1", "2"]);
    assert_eq!(page(None, Some("2")).await.expect("reads"), ["3"]);
    assert_eq!(page(Some("2026-11-02"), None).await.expect("reads"), ["1"]);
}

#[tokio::test]
async fn a_removed_source_leaves_nothing_seen_and_others_stay() {
    let bench = Bench::sqlite();
    let (store, other) = (&bench.store, SourceId::from_bytes([8; 16]));
    let added = bench.source();
    store.add_source(added.clone(), None).await.expect("added");
    let source = added.id;
    for one in [source, other] {
        store.keep_seen(one, "A", vec![seen("1", None)], vec![]).await.expect("kept");
        store.set_mark(one, "swept", "1".into()).await.expect("set");
        store.set_mark(one, "swept", "2".into()).await.expect("set");
    }
    assert_eq!(store.marks(source).await.expect("reads"), [("swept".to_owned(), "2".to_owned())]);
    store.remove_source(source).await.expect("removed");
    assert_eq!(store.marks(source).await.expect("reads"), []);
    assert_eq!(store.seen(source, "A", vec!["1".into()]).await.expect("reads"), []);
    assert_eq!(store.seen(other, "A", vec!["1".into()]).await.expect("reads").len(), 1);
    assert_eq!(store.marks(other).await.expect("reads").len(), 1);
}
