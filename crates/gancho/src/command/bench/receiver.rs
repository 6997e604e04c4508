//! A receiver that counts events and measures latencies.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Json, Router,
    body::{Body, Bytes, HttpBody},
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    routing::{get, post},
};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::load::micros;
use crate::cli_error::{CliError, CliResult};

/// By path: the latency of each event, microseconds.
type Counts = Arc<Mutex<std::collections::HashMap<String, Vec<u32>>>>;

pub async fn serve() -> CliResult {
    let counts = Counts::default();
    let router = Router::new()
        .route("/hook/{name}", post(receive))
        .route("/flaky", post(flaky))
        .route("/hang", post(std::future::pending::<()>))
        .route("/hang-in-body", post(async || Body::new(Stuck { begun: false })))
        .route("/stats/{name}", get(stats))
        .layer(DefaultBodyLimit::max(1 << 20))
        .with_state(counts);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(CliError::refused)?;
    println!("listening on http://{}", listener.local_addr().map_err(CliError::refused)?);
    axum::serve(listener, router).await.map_err(CliError::refused)
}

async fn receive(State(counts): State<Counts>, Path(name): Path<String>, body: Bytes) -> &'static str {
    let age = sent_at(&body).map_or(0, |at| micros().saturating_sub(at));
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts.entry(name).or_default().push(u32::try_from(age).unwrap_or(u32::MAX));
    "ok"
}

/// Refuses one in three.
async fn flaky() -> StatusCode {
    static CAME: AtomicU32 = AtomicU32::new(0);
    match CAME.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::OK,
    }
}

/// A body that never ends.
struct Stuck {
    begun: bool,
}

impl HttpBody for Stuck {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.begun, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"so far")))))
    }
}

/// The time that the load wrote into the event, found without parsing all of it.
fn sent_at(body: &[u8]) -> Option<u64> {
    const MARK: &[u8] = br#""sent_us":"#;
    let at = body.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&body[at..at + digits]).ok()?.parse().ok()
}

async fn stats(State(counts): State<Counts>, Path(name): Path<String>) -> Json<Value> {
    let mut ages = counts.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned().unwrap_or_default();
    ages.sort_unstable();
    let at = |part: f64| ages.get(((ages.len() as f64 - 1.0) * part) as usize).map(|us| f64::from(*us) / 1000.0);
    Json(json!({"count": ages.len(), "p50_ms": at(0.5), "p99_ms": at(0.99), "p999_ms": at(0.999)}))
}
