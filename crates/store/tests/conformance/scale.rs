//! Claim, feed, log and retention do the same work however much lies behind them. Work is counted
//! in what SQLite does, not in time: the plan of every query is looked at, at two sizes.

use std::collections::BTreeMap;

use gancho_store::sqlite::FILE;
use rusqlite::Connection;

use crate::Bench;

/// The queries that must not grow, as the store writes them.
const QUERIES: &[(&str, &str)] = &[
    (
        "claim",
        "SELECT n FROM deliveries WHERE state = 0 AND endpoint = 1 AND lane = 0 AND due <= 9000000000000 \
         AND (leased IS NULL OR due <= 9000000000000) ORDER BY due LIMIT 10",
    ),
    ("next due", "SELECT min(due) FROM deliveries WHERE state = 0 AND endpoint = 1 AND lane = 0"),
    ("feed", "SELECT n, id, body FROM events WHERE n > 5 AND NULL IS NULL ORDER BY n LIMIT 10"),
    ("feed of a row", "SELECT n, id, body FROM events WHERE n > 5 AND object = 'Cliente:1' ORDER BY n LIMIT 10"),
    ("log", "SELECT n FROM deliveries WHERE true AND n < 900000000 ORDER BY n DESC LIMIT 51"),
    (
        "log of an endpoint",
        "SELECT n FROM deliveries WHERE endpoint = 1 AND state = 1 AND n < 900000000 ORDER BY n DESC LIMIT 51",
    ),
    (
        "log of failures",
        "SELECT n FROM deliveries WHERE state > 1 AND state = 2 AND n < 900000000 ORDER BY n DESC LIMIT 51",
    ),
    ("deliveries of an event", "SELECT n FROM deliveries WHERE event = 7"),
    ("oldest waiting", "SELECT created_at FROM deliveries WHERE endpoint = 1 AND state = 0 ORDER BY n LIMIT 1"),
    (
        "retention",
        "SELECT n, arrived_at FROM (SELECT n, arrived_at FROM events WHERE n > 0 ORDER BY n LIMIT 2000) AS e WHERE NOT EXISTS \
         (SELECT 1 FROM deliveries d WHERE d.event = e.n AND d.state = 0) LIMIT 10",
    ),
];

fn plans(db: &Connection) -> BTreeMap<&'static str, String> {
    let plan = |sql: &str| {
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a query");
        let lines = explain.query_map([], |row| row.get::<_, String>(3)).expect("a plan");
        lines.map(|line| line.expect("text")).collect::<Vec<_>>().join("; ")
    };
    QUERIES.iter().map(|(name, sql)| (*name, plan(sql))).collect()
}

#[tokio::test]
async fn plans_use_an_index_and_sort_nothing_at_any_size() {
    let bench = Bench::of(crate::Kind::Sqlite).await;
    bench.add_endpoint(&["*"]).await;
    let mut seen = vec![];
    for rounds in [1, 20] {
        for _ in 0..rounds {
            bench.accept((0..500).map(|_| bench.event("a.b")).collect()).await;
        }
        let db = Connection::open(bench.dir().join(FILE)).expect("opens");
        let plans = plans(&db);
        for (name, plan) in &plans {
            // Walking a table in the order of its own key is what a page does; sorting is not.
            let walks_in_order = matches!(*name, "log" | "retention" | "feed") && !plan.contains("TEMP B-TREE");
            assert!(walks_in_order || plan.starts_with("SEARCH"), "{name}: {plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{name}: {plan}");
        }
        seen.push(plans);
    }
    assert_eq!(seen[0], seen[1]);
}
