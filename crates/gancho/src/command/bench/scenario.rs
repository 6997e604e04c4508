//! The scenarios, in sequence on the same processes where that is fair.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    BenchArgs, CliError, CliResult,
    process::{self, Process},
    report::{heading, line},
    scale,
};
use crate::{api_client::ApiClient, args::ServerArgs};

/// A server with an empty data dir, a receiver, and an API client.
pub(super) struct Stage {
    pub server: Process,
    receiver: Process,
    pub api: ApiClient,
    /// Removed when dropped.
    pub dir: std::path::PathBuf,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Best effort: it is in the system's temporary folder.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

impl Stage {
    pub async fn set(args: &BenchArgs) -> Result<(Self, Duration), CliError> {
        let dir = temporary_dir()?;
        let receiver = Process::start(&["bench", "--role", "receiver"]).await?;
        let began = Instant::now();
        let server = Process::serve(&dir, args.database.as_deref()).await?;
        let ready = began.elapsed();
        let server_args = ServerArgs {
            server: Some(server.url.clone()),
            token: Some("bench-token".into()),
            config: None,
            data_dir: None,
            ca_file: None,
            json: true,
        };
        let stage = Self { server, receiver, api: ApiClient::new(&server_args)?, dir };
        // A database keeps the previous scenario's data.
        for endpoint in stage.api.call(Method::GET, "endpoints", None).await?["data"].as_array().into_iter().flatten() {
            stage.remove(endpoint).await?;
        }
        Ok((stage, ready))
    }

    pub async fn add(&self, path: &str, paused: bool) -> Result<Value, CliError> {
        let body = json!({"url": format!("{}{path}", self.receiver.url), "events": ["*"], "paused": paused});
        self.api.call(Method::POST, "endpoints", Some(body)).await
    }

    /// An endpoint at the receiver for these events.
    pub async fn add_for(&self, path: &str, events: &[&str]) -> Result<Value, CliError> {
        self.add_at(&format!("{}{path}", self.receiver.url), events).await
    }

    pub async fn add_at(&self, url: &str, events: &[&str]) -> Result<Value, CliError> {
        self.api.call(Method::POST, "endpoints", Some(json!({"url": url, "events": events}))).await
    }

    pub async fn remove(&self, endpoint: &Value) -> CliResult {
        let id = endpoint["id"].as_str().unwrap_or_default();
        self.api.call(Method::DELETE, &format!("endpoints/{id}"), None).await.map(drop)
    }

    pub async fn stats(&self, name: &str) -> Result<Value, CliError> {
        let answer = reqwest::get(format!("{}/stats/{name}", self.receiver.url)).await.map_err(CliError::refused)?;
        answer.json().await.map_err(CliError::refused)
    }

    /// Waits until this many have arrived.
    pub async fn arrived(&self, name: &str, count: u64) -> CliResult {
        while self.stats(name).await?["count"].as_u64().unwrap_or(0) < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    pub async fn load(&self, url: &str, events: u32, connections: u32, rate: u32) -> Result<f64, CliError> {
        let (events, connections, rate) = (events.to_string(), connections.to_string(), rate.to_string());
        let args = [
            "bench",
            "--role",
            "load",
            "--url",
            url,
            "--events",
            &events,
            "--connections",
            &connections,
            "--rate",
            &rate,
        ];
        process::run(&args).await.map(|(_, cpu_s)| cpu_s)
    }

    pub fn events_url(&self) -> String {
        format!("{}/api/v1/events", self.server.url)
    }
}

fn temporary_dir() -> Result<std::path::PathBuf, CliError> {
    let dir = std::env::temp_dir().join(format!("gancho-bench-{}-{}", std::process::id(), stamp()));
    std::fs::create_dir_all(&dir).map_err(CliError::refused)?;
    Ok(dir)
}

/// The store alone, with growing data.
pub async fn scaled(most: u64, database: Option<&str>) -> CliResult {
    let dir = temporary_dir()?;
    let done = scale::run(most, &dir, database).await;
    // Best effort, as above.
    let _ = std::fs::remove_dir_all(&dir);
    done
}

fn stamp() -> i64 {
    use gancho_model::Clock as _;
    crate::system::System.now().ms()
}

pub async fn all(args: &BenchArgs) -> CliResult {
    if cfg!(debug_assertions) {
        complain!("this is a debug build: measure with cargo run --release -- bench");
    }
    throughput(args).await?;
    if args.throughput_only {
        return Ok(());
    }
    fan_out(args).await?;
    latency(args).await?;
    neighbours(args, 1, 100, &["one that hangs"]).await?;
    neighbours(args, 1, 100, &["one that hangs in its body"]).await?;
    neighbours(args, 98, 10, &["one dead", "one that hangs"]).await?;
    backlog(args).await
}

async fn throughput(args: &BenchArgs) -> CliResult {
    let (stage, ready) = Stage::set(args).await?;
    heading(&format!("{} events of 1 KB, one a request, {} connections, one endpoint", args.events, args.connections));
    line("ready after a start on an empty folder", format!("{} ms", ready.as_millis()), "≤ 100 ms");
    line("memory, idle", format!("{:.0} MB", stage.server.memory_mb()), "≤ 40 MB");
    let straight_url = format!("{}/hook/straight", stage.receiver.url);
    let straight = async || {
        let began = Instant::now();
        stage.load(&straight_url, args.events, args.connections, 0).await?;
        Ok::<f64, CliError>(f64::from(args.events) / began.elapsed().as_secs_f64())
    };
    let before = straight().await?;
    stage.add("/hook/through", false).await?;
    let (server, receiver) = (stage.server.cpu_s(), stage.receiver.cpu_s());
    let written = stage.server.written_kb();
    let began = Instant::now();
    let load = stage.load(&stage.events_url(), args.events, args.connections, 0).await?;
    stage.arrived("through", args.events.into()).await?;
    let through = f64::from(args.events) / began.elapsed().as_secs_f64();
    let others = load + stage.receiver.cpu_s() - receiver;
    let server = stage.server.cpu_s() - server;
    let after = straight().await?;
    let straight = f64::midpoint(before, after);
    line("straight at the receiver, before and after", format!("{before:.0}, {after:.0} /s"), "");
    line("through Gancho, all delivered", format!("{through:.0} /s"), "");
    line("ratio", format!("{:.1} %", through / straight * 100.0), "≥ 18 %");
    line("CPU of the server / load and receiver", format!("{:.2}", server / others), "≤ 2.5");
    written_line(&stage, written, args.events, "≤ 6 KB");
    Ok(())
}

async fn fan_out(args: &BenchArgs) -> CliResult {
    const EVENTS: u32 = 2_000;
    let (stage, _) = Stage::set(args).await?;
    for n in 0..10 {
        stage.add(&format!("/hook/fan?{n}"), false).await?;
    }
    let server = stage.server.cpu_s();
    stage.load(&stage.events_url(), EVENTS, 16, 0).await?;
    stage.arrived("fan", u64::from(EVENTS) * 10).await?;
    heading("One event to ten endpoints");
    let cpu = (stage.server.cpu_s() - server) / f64::from(EVENTS) * 1000.0;
    line("CPU of the server for 10,000 deliveries", format!("{cpu:.2} s"), "≤ 0.8 s");
    Ok(())
}

async fn latency(args: &BenchArgs) -> CliResult {
    let (stage, _) = Stage::set(args).await?;
    stage.add("/hook/slow", false).await?;
    let events = args.latency_s * 50;
    let written = stage.server.written_kb();
    stage.load(&stage.events_url(), events, 4, 50).await?;
    stage.arrived("slow", events.into()).await?;
    let stats = stage.stats("slow").await?;
    heading("50 events a second, from the post to the receiver");
    line("p50, p99", times(&stats), "≤ 2.5, ≤ 8 ms");
    written_line(&stage, written, events, "≤ 40 KB");
    Ok(())
}

/// Bytes that the server itself wrote to disk per event; a database writes in its own processes.
fn written_line(stage: &Stage, before_kb: f64, events: u32, wanted: &str) {
    let each = (stage.server.written_kb() - before_kb) / f64::from(events);
    line("written to disk by the server for an event", format!("{each:.1} KB"), wanted);
}

pub fn times(stats: &Value) -> String {
    let ms = |name: &str| stats[name].as_f64().unwrap_or(0.0);
    format!("{:.1}, {:.1} ms", ms("p50_ms"), ms("p99_ms"))
}

/// Healthy endpoints alone, then beside failing ones that get every event too.
async fn neighbours(args: &BenchArgs, healthy: u32, per_s: u32, bad: &[&str]) -> CliResult {
    let (stage, _) = Stage::set(args).await?;
    let events = args.latency_s * per_s;
    heading(&format!("{healthy} healthy at {per_s} events a second each, alone and beside {}", bad.join(" and ")));
    let mut p99 = vec![];
    for name in ["alone", "beside"] {
        let mut endpoints = vec![];
        for n in 0..healthy {
            endpoints.push(stage.add(&format!("/hook/{name}?{n}"), false).await?);
        }
        stage.load(&stage.events_url(), events, 8, per_s).await?;
        stage.arrived(name, u64::from(events * healthy)).await?;
        let stats = stage.stats(name).await?;
        line(&format!("p50, p99 {name}"), times(&stats), "");
        p99.push(stats["p99_ms"].as_f64().unwrap_or(0.0));
        for endpoint in &endpoints {
            stage.remove(endpoint).await?;
        }
        for bad in bad {
            match *bad {
                "one dead" => stage.add_at("http://127.0.0.1:9/", &["*"]).await?,
                "one that hangs" => stage.add("/hang", false).await?,
                _ => stage.add("/hang-in-body", false).await?,
            };
        }
    }
    line("p99 beside / alone", format!("{:.2}", p99[1] / p99[0]), "< 1.5");
    Ok(())
}

async fn backlog(args: &BenchArgs) -> CliResult {
    let (stage, _) = Stage::set(args).await?;
    stage.add("/hook/backlog", true).await?;
    let object = json!({"codigo": "FAC2026A123", "observaciones": "x".repeat(800)});
    let batch = vec![json!({"event": "invoice.paid", "data": {"object": object}}); 500];
    for _ in 0..args.backlog / 500 {
        stage.api.call(Method::POST, "events", Some(Value::from(batch.clone()))).await?;
    }
    heading(&format!("{} deliveries wait", args.backlog / 500 * 500));
    line("memory", format!("{:.0} MB", stage.server.memory_mb()), "≤ 150 MB");
    let began = Instant::now();
    stage.api.call(Method::GET, "deliveries?state=pending", None).await?;
    line("a page of the log", format!("{} ms", began.elapsed().as_millis()), "");
    Ok(())
}
