//! A receiver like any other, which counts and measures.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    routing::{get, post},
};
use gancho_model::Ambient;
use serde_json::{Value, json};

use super::{Done, Failed};
use crate::ambient::Real;

/// By path: how many came, and how old they were, milliseconds.
type Counts = Arc<Mutex<std::collections::HashMap<String, Vec<u32>>>>;

pub async fn serve() -> Done {
    let counts = Counts::default();
    let router = Router::new()
        .route("/hook/{name}", post(receive))
        .route("/hang", post(std::future::pending::<()>))
        .route("/stats/{name}", get(stats))
        .with_state(counts);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(Failed::refused)?;
    println!("listening on http://{}", listener.local_addr().map_err(Failed::refused)?);
    axum::serve(listener, router).await.map_err(Failed::refused)
}

async fn receive(State(counts): State<Counts>, Path(name): Path<String>, body: Bytes) -> &'static str {
    let age = sent_at(&body).map_or(0, |at| Real.now().ms() - at);
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    counts.entry(name).or_default().push(u32::try_from(age).unwrap_or(0));
    "ok"
}

/// The time that the load wrote into the event, found without reading all of it.
fn sent_at(body: &[u8]) -> Option<i64> {
    const MARK: &[u8] = br#""sent_ms":"#;
    let at = body.windows(MARK.len()).position(|part| part == MARK)? + MARK.len();
    let digits = body[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&body[at..at + digits]).ok()?.parse().ok()
}

async fn stats(State(counts): State<Counts>, Path(name): Path<String>) -> Json<Value> {
    let mut ages = counts.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned().unwrap_or_default();
    ages.sort_unstable();
    let at = |part: f64| ages.get(((ages.len() as f64 - 1.0) * part) as usize).copied();
    Json(json!({"count": ages.len(), "p50_ms": at(0.5), "p99_ms": at(0.99)}))
}
