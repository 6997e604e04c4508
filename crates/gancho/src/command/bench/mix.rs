//! A mixed load: a hundred endpoints, some of them failing, bodies of many sizes, and a large replay.

use std::{path::Path, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use super::{
    BenchArgs, CliError, CliResult,
    load::micros,
    report::{heading, line},
    scenario::Stage,
};

/// Endpoints, of which the first respond well.
const ENDPOINTS: u32 = 100;
const HEALTHY: u32 = 95;
/// Number of endpoints that get one event in ten.
const WIDE: u32 = 50;
const PER_S: u32 = 200;
/// Events resent meanwhile.
const REPLAYED: usize = 100_000;
const BATCH: usize = 1_000;

pub async fn run(args: &BenchArgs) -> CliResult {
    let (stage, _) = Stage::set(args).await?;
    add_endpoints(&stage).await?;
    fill(&stage).await?;
    let again = stage.add_for("/hook/replayed", &["mix.old"]).await?;
    let path = format!("endpoints/{}/replay", again["id"].as_str().unwrap_or_default());
    let events = args.latency_s * PER_S;
    let (cpu, written, size) = (stage.server.cpu_s(), stage.server.written_kb(), folder_kb(&stage.dir));
    let began = Instant::now();
    let all = json!({"only": "all", "since": "2020-01-01T00:00:00Z"});
    let url = format!("{}/api/v1/events", stage.server.url);
    tokio::try_join!(stage.api.call(Method::POST, &path, Some(all)), post(&url, events))?;
    let expected = (0..events).map(|n| u64::from(healthy_receivers(n))).sum();
    stage.arrived("mix", expected).await?;
    let stats = stage.stats("mix").await?;
    heading(&format!(
        "{ENDPOINTS} endpoints, 1 dead, 1 hangs, 3 flaky; {PER_S} events a second, 1 to 200 KB, one in ten to {WIDE}; a replay of {REPLAYED}"
    ));
    let ms = |name: &str| stats[name].as_f64().unwrap_or(0.0);
    let times = format!("{:.1}, {:.1}, {:.1} ms", ms("p50_ms"), ms("p99_ms"), ms("p999_ms"));
    line("p50, p99, p99.9 of the healthy ones", times, "");
    stage.arrived("replayed", REPLAYED as u64).await?;
    let (took, deliveries) = (began.elapsed().as_secs_f64(), expected as f64 + REPLAYED as f64);
    line("all of the replay arrived after", format!("{took:.1} s"), "");
    line(
        "CPU of the server for 10,000 deliveries",
        format!("{:.2} s", (stage.server.cpu_s() - cpu) / deliveries * 1e4),
        "",
    );
    line("memory", format!("{:.0} MB", stage.server.memory_mb()), "");
    let each = |kb: f64| format!("{:.1} KB", kb / deliveries);
    line("written to disk by the server for a delivery", each(stage.server.written_kb() - written), "");
    line("growth of the files for a delivery", each(folder_kb(&stage.dir) - size), "");
    Ok(())
}

async fn add_endpoints(stage: &Stage) -> CliResult {
    for n in 0..ENDPOINTS {
        let own = format!("mix.e{n}");
        let events: &[&str] = if n < WIDE { &[&own, "mix.wide"] } else { &[&own] };
        match n {
            _ if n < HEALTHY => stage.add_for(&format!("/hook/mix?{n}"), events).await?,
            95 => stage.add_at("http://127.0.0.1:9/", events).await?,
            96 => stage.add_for("/hang", events).await?,
            _ => stage.add_for("/flaky", events).await?,
        };
    }
    Ok(())
}

/// Creates the events to resend.
async fn fill(stage: &Stage) -> CliResult {
    let object = json!({"codigo": "FAC2026A123", "observaciones": "x".repeat(800)});
    let batch = vec![json!({"event": "mix.old", "data": {"object": object}}); BATCH];
    for _ in 0..REPLAYED / BATCH {
        stage.api.call(Method::POST, "events", Some(Value::from(batch.clone()))).await?;
    }
    Ok(())
}

/// Number of healthy endpoints that get the n-th event.
fn healthy_receivers(n: u32) -> u32 {
    match n % 10 {
        0 => WIDE,
        _ => u32::from(n % ENDPOINTS < HEALTHY),
    }
}

/// Mostly small, some large.
fn size(n: u32) -> usize {
    match n % 20 {
        7 => 200_000,
        3 | 13 => 20_000,
        other => 1_000 * (1 + other as usize % 5),
    }
}

async fn post(url: &str, events: u32) -> CliResult {
    let client = Client::builder().timeout(Duration::from_secs(60)).build().map_err(CliError::refused)?;
    let mut posting = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / PER_S);
    for n in 0..events {
        ticks.tick().await;
        let event = if n % 10 == 0 { "mix.wide".to_owned() } else { format!("mix.e{}", n % ENDPOINTS) };
        let object = json!({"sent_us": micros(), "x": "x".repeat(size(n))});
        let request = client.post(url).header("x-auth-token", "bench-token");
        let request = request.json(&json!({"event": event, "data": {"object": object}}));
        posting.spawn(async move { request.send().await?.error_for_status().map(drop) });
    }
    while let Some(posted) = posting.join_next().await {
        posted.map_err(CliError::refused)?.map_err(CliError::refused)?;
    }
    Ok(())
}

/// The size of a folder, kilobytes.
fn folder_kb(dir: &Path) -> f64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len() as f64 / 1024.0).sum()
}
