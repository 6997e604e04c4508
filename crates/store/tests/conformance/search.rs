use gancho_store::NewEvent;

use crate::Bench;

async fn labels(bench: &Bench, parts: &[&str]) -> Vec<String> {
    let hits = bench.store.search(parts.iter().map(|part| (*part).to_owned()).collect(), 10).await.expect("searches");
    hits.events.into_iter().filter_map(|event| event.label).collect()
}

fn labelled(bench: &Bench, label: &str) -> NewEvent {
    let mut new = bench.event("invoice.created");
    new.event.label = Some(label.into());
    new
}

/// Puts all into the index that is not in it, with the label as the text.
async fn index(bench: &Bench) -> usize {
    let events = bench.store.unindexed(100).await.expect("reads");
    let texts = events.iter().map(|event| (event.sequence, event.label.clone().unwrap_or_default()));
    bench.store.index(texts.collect()).await.expect("indexed");
    events.len()
}

pub(crate) async fn parts_of_words_are_found_without_case_and_accents(bench: Bench) {
    let names = ["Peña García F2026A12", "GARCIA e Hijos F2026A13", "Otro \"cliente\" B9"];
    bench.accept(names.iter().map(|name| labelled(&bench, name)).collect()).await;
    assert_eq!(labels(&bench, &["garcia"]).await, Vec::<String>::new(), "not yet");
    assert_eq!((index(&bench).await, index(&bench).await), (3, 0));
    assert_eq!(labels(&bench, &["garc"]).await, [names[1], names[0]], "newest first");
    assert_eq!(labels(&bench, &["GARCÍA", "26a12"]).await, [names[0]], "all of the parts");
    assert_eq!(labels(&bench, &["pena"]).await, [names[0]]);
    assert_eq!(labels(&bench, &["\"cliente\""]).await, [names[2]], "a quotation mark is a character");
    assert_eq!(labels(&bench, &["OR \"x"]).await, Vec::<String>::new());
    let hits = bench.store.search(vec!["zzz".into()], 10).await.expect("searches");
    assert_eq!((hits.events.len(), hits.indexed_to), (0, 3));
}

/// SQLite has the index in a file of its own.
#[tokio::test]
async fn an_index_that_does_not_fit_is_made_anew() {
    let bench = Bench::of(crate::Kind::Sqlite).await;
    bench.accept(vec![labelled(&bench, "FAC-1"), labelled(&bench, "FAC-2")]).await;
    index(&bench).await;
    let other = Bench::of(crate::Kind::Sqlite).await;
    other.environment.advance_ms(60_000);
    other.accept(vec![labelled(&other, "ALB-1"), labelled(&other, "ALB-2")]).await;
    // As after a restore: the index of one log beside another.
    std::fs::copy(bench.dir().join("gancho.db.search"), other.dir().join("gancho.db.search")).expect("copied");
    let wal = "gancho.db.search-wal";
    std::fs::copy(bench.dir().join(wal), other.dir().join(wal)).expect("copied");
    assert_eq!(index(&other).await, 2);
    assert_eq!(labels(&other, &["alb"]).await, ["ALB-2", "ALB-1"]);
    assert_eq!(labels(&other, &["fac"]).await, Vec::<String>::new());
    let bench = bench.reopen().await;
    std::fs::write(bench.dir().join("gancho.db.search"), [7; 8192]).expect("spoilt");
    let _ = std::fs::remove_file(bench.dir().join(wal));
    assert!(bench.store.search(vec!["fac".into()], 10).await.is_err(), "found out");
    assert_eq!(index(&bench).await, 2);
    assert_eq!(labels(&bench, &["fac"]).await, ["FAC-2", "FAC-1"]);
}
