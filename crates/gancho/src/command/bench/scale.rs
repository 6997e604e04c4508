//! Measures claim, feed, log and retention with a growing store: the store alone, in this process.

use std::{path::Path, sync::Arc};

use gancho_model::{
    Clock as _, Endpoint, EndpointId, Event, EventId, EventType, NodeId, Priority, Provenance, Secret, State,
    Timestamp, render_body,
};
use gancho_service::search::index_batch;
use gancho_store::{
    DeliveryFilter, NewEvent, Store, StoreError, Submission, Want,
    postgres::{self, PostgresStore},
    sqlite::{Options, SqliteStore},
    vault::Vault,
};
use serde_json::{Map, json};
use tokio::time::Instant;

use super::pages;
use crate::{
    cli_error::{CliError, CliResult},
    system::System,
};

const ENDPOINTS: u64 = 10;
const BATCH: u64 = 100;
/// Customers' names, similar to each other, for searching.
const NAMES: [&str; 7] = ["García", "Peña", "Núñez", "Ibáñez", "Güell", "Soler", "Urrutia"];
/// Measurements per method; the median is shown.
const TIMES: usize = 21;

/// Prints a row for each size up to this many deliveries.
pub async fn run(most: u64, dir: &Path, database: Option<&str>) -> CliResult {
    let store = open(dir, database).await?;
    let mut endpoints = vec![];
    for _ in 0..ENDPOINTS {
        let endpoint = endpoint();
        endpoints.push(endpoint.id);
        store.add_endpoint(endpoint).await.map_err(CliError::refused)?;
    }
    say!("\nMilliseconds for one call, the middle of {TIMES}, by deliveries that lie in the store");
    say!(
        "{:>12} {:>10} {:>10} {:>12} {:>12} {:>12} {:>10}",
        "deliveries",
        "claim 10",
        "feed 50",
        "log 50",
        "endpoint 50",
        "pending 50",
        "prune"
    );
    let (mut there, mut size) = (0, 1_000);
    while size <= most {
        while there < size {
            accept(&*store).await.map_err(CliError::refused)?;
            there += BATCH * ENDPOINTS;
        }
        row(&*store, there, endpoints[0]).await.map_err(CliError::refused)?;
        size = if size == 1_000_000 { 5_000_000 } else { size * 10 };
    }
    index(&store).await.map_err(CliError::refused)?;
    pages::run(store).await
}

async fn open(dir: &Path, database: Option<&str>) -> Result<Arc<dyn Store>, CliError> {
    let vault = Vault::new(&[1; 32]);
    let Some(url) = database else {
        let store = SqliteStore::open(dir, vault, Arc::new(System), Options::default());
        return Ok(Arc::new(store.map_err(CliError::refused)?));
    };
    let store = PostgresStore::open(url, vault, Arc::new(System), postgres::Options::default()).await;
    Ok(Arc::new(store.map_err(CliError::refused)?))
}

/// Indexes all events.
async fn index(store: &Arc<dyn Store>) -> Result<(), StoreError> {
    let began = Instant::now();
    let mut count = 0;
    loop {
        match index_batch(&**store).await? {
            0 => break,
            more => count += more,
        }
    }
    say!("\n{count} events indexed for searching, {:.0} a second", count as f64 / began.elapsed().as_secs_f64());
    Ok(())
}

async fn row(store: &dyn Store, there: u64, endpoint: EndpointId) -> Result<(), StoreError> {
    let long_ago = Timestamp::from_s(1);
    let of_endpoint = DeliveryFilter { endpoint: Some(endpoint), ..DeliveryFilter::default() };
    let pending = DeliveryFilter { state: Some(State::Pending), ..DeliveryFilter::default() };
    let middle = there / ENDPOINTS / 2;
    let claim = time(async || claim(store, endpoint).await).await?;
    let feed = time(async || store.feed(middle, Default::default(), 50).await.map(drop)).await?;
    let log = time(async || store.deliveries(None, DeliveryFilter::default(), 50).await.map(drop)).await?;
    let one = time(async || store.deliveries(None, of_endpoint.clone(), 50).await.map(drop)).await?;
    let waiting = time(async || store.deliveries(None, pending.clone(), 50).await.map(drop)).await?;
    let prune = time(async || store.prune(long_ago, System.moment()).await.map(drop)).await?;
    say!("{there:>12} {claim:>10.2} {feed:>10.2} {log:>12.2} {one:>12.2} {waiting:>12.2} {prune:>10.2}");
    Ok(())
}

async fn time(call: impl AsyncFn() -> Result<(), StoreError>) -> Result<f64, StoreError> {
    let mut took = vec![];
    for _ in 0..TIMES {
        let began = Instant::now();
        call().await?;
        took.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[TIMES / 2])
}

async fn claim(store: &dyn Store, endpoint: EndpointId) -> Result<(), StoreError> {
    let now = System.mono();
    let want = Want { endpoint, lane: Priority::Live, limit: 10, lease_until: now.plus_ms(15_000), probe: false };
    store.claim(NodeId::first_at(System.now()), vec![want], now).await.map(drop)
}

async fn accept(store: &dyn Store) -> Result<(), StoreError> {
    let now = System.now();
    let events = (0..BATCH).filter_map(|n| event(now, n)).collect();
    let submission = Submission { events, now, ..Submission::default() };
    let snapshot = store.endpoint_snapshot().await?;
    store.accept(submission.planned(&snapshot, usize::MAX, &Default::default()).into()).await.map(drop)
}

fn event(now: Timestamp, n: u64) -> Option<NewEvent> {
    let id = EventId::new(now, &System);
    let event = EventType::parse("invoice.paid").ok()?;
    let codigo = format!("F2026A{}{n}", now.ms());
    let (nombrecliente, cifnif) = (format!("Talleres {} {n}", NAMES[n as usize % NAMES.len()]), format!("B{n:08}"));
    let object = json!({"codigo": codigo, "nombrecliente": nombrecliente, "cifnif": cifnif, "rest": "x".repeat(200)});
    let data = Map::from_iter([("object".to_owned(), object)]);
    let body = render_body(id, &event, now, data, &Provenance::default());
    // One document per event.
    let label = Some(codigo);
    let event =
        Event { id, sequence: 0, event, created: now, arrived_at: now, source: None, object: None, label, body };
    Some(event.into())
}

fn endpoint() -> Endpoint {
    let now = System.now();
    let id = EndpointId::new(now, &System);
    Endpoint { paused: true, ..Endpoint::new(id, "http://127.0.0.1/", Secret::new("bench-secret"), now) }
}
