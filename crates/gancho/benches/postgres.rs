//! `gancho bench` with everything in PostgreSQL, on a real server that flushes every commit, and how much it writes.
//! `cargo bench -p gancho --bench postgres`; the arguments go on to `gancho bench`. With `snapshot SECONDS` instead: a
//! steady load, first alone for two minutes, then beside somebody who holds a snapshot open for so long.

use std::process::Command;

use gancho_testkit::{Database, Engine, Instance};

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let instance = Instance::start_durable(Engine::Postgres);
    let args: Vec<String> = std::env::args().skip(1).filter(|one| one != "--bench").collect();
    let database = runtime.block_on(instance.blank());
    if let Some(at) = args.iter().position(|one| one == "snapshot") {
        let seconds = args.get(at + 1).expect("snapshot SECONDS");
        runtime.block_on(beside_a_snapshot(&database, seconds));
        return;
    }
    bench(&database, &["--throughput-only"], &args);
    runtime.block_on(print_written(&database));
    if !args.iter().any(|one| one == "--throughput-only") {
        bench(&runtime.block_on(instance.blank()), &[], &args);
    }
}

fn bench(database: &Database, own: &[&str], args: &[String]) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gancho"));
    command.arg("bench").args(["--database", &database.url]).args(own);
    command.args(args.iter().filter(|one| !own.contains(&one.as_str())));
    assert!(command.status().expect("gancho starts").success());
}

async fn beside_a_snapshot(database: &Database, seconds: &str) {
    bench(database, &["--steady", "120"], &[]);
    let mut holder = database.client().await;
    holder.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM events").await;
    println!("beside a snapshot that is held");
    bench(database, &["--steady", seconds], &[]);
    holder.run("COMMIT").await;
}

/// How much of the write-ahead log an event and its delivery took beyond the event's body.
async fn print_written(database: &Database) {
    // All that this server ever wrote, but for the making of its databases, which is little against it.
    let written = database.number("SELECT (wal_bytes / 1)::bigint FROM pg_stat_wal").await;
    let events = database.number("SELECT count(*) FROM events").await;
    let bodies = database.number("SELECT sum(octet_length(body))::bigint FROM events").await;
    println!("write-ahead log beyond the bodies {:>14} bytes an event   ≤ 2048", (written - bodies) / events.max(1));
}
