use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::Notify};

use crate::PATIENCE;

/// A received request.
#[derive(Clone, Debug)]
pub struct Received {
    /// Path and query.
    pub path: String,
    /// Header fields, lowercase names.
    pub headers: HashMap<String, String>,
    /// The raw body.
    pub body: Bytes,
}

impl Received {
    /// A header field's value; empty if missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    /// The event's id.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Respond {
    /// The status.
    pub status: u16,
    /// More header fields.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// The delay before it.
    pub delay: Duration,
}

impl Respond {
    /// This status without delay, with a short body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: vec![], body: "ok".into(), delay: Duration::ZERO }
    }

    /// With a header field.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With a delay.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

type Behaviour = Box<dyn FnMut(&Received) -> Respond + Send>;

struct Inner {
    received: Mutex<Vec<Received>>,
    behaviour: Mutex<Behaviour>,
    /// Requests being handled, and their maximum.
    at_once: Mutex<(u32, u32)>,
    came: Notify,
}

/// A webhook receiver on its own port.
pub struct Receiver {
    inner: Arc<Inner>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Responds 200 to everything.
    pub async fn start() -> Self {
        Self::with(|_| Respond::status(200)).await
    }

    /// Responds according to this function.
    pub async fn with(behaviour: impl FnMut(&Received) -> Respond + Send + 'static) -> Self {
        Self::at("127.0.0.1:0", behaviour).await
    }

    /// At this address.
    pub async fn at(address: &str, behaviour: impl FnMut(&Received) -> Respond + Send + 'static) -> Self {
        let inner = Arc::new(Inner {
            received: Mutex::default(),
            behaviour: Mutex::new(Box::new(behaviour)),
            at_once: Mutex::default(),
            came: Notify::new(),
        });
        let listener = TcpListener::bind(address).await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let router = Router::new().fallback(receive).with_state(inner.clone());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        Self { inner, address, task }
    }

    /// Changes its behaviour.
    pub fn behave(&self, behaviour: impl FnMut(&Received) -> Respond + Send + 'static) {
        *lock(&self.inner.behaviour) = Box::new(behaviour);
    }

    /// The maximum of concurrent requests.
    pub fn most_at_once(&self) -> u32 {
        lock(&self.inner.at_once).1
    }

    /// Its URL with this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.inner.received).clone()
    }

    /// Computes something from the requests so far, without copying them.
    pub fn about<T>(&self, say: impl FnOnce(&[Received]) -> T) -> T {
        say(&lock(&self.inner.received))
    }

    /// Clears the requests so far.
    pub fn forget(&self) {
        lock(&self.inner.received).clear();
    }

    /// Waits until a condition holds for the requests: while more arrive, up to ten times the timeout. The condition
    /// must not use the receiver itself, which is locked meanwhile.
    pub async fn wait_until(&self, what: &str, holds: impl Fn(&[Received]) -> bool) -> Vec<Received> {
        let waiting = async {
            loop {
                let came = self.inner.came.notified();
                if self.about(&holds) {
                    return Some(self.received());
                }
                if tokio::time::timeout(PATIENCE, came).await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(10 * PATIENCE, waiting).await {
            Ok(Some(received)) => received,
            _ => panic!("waited in vain until {what}; {} requests came", self.about(<[Received]>::len)),
        }
    }

    /// Waits until this many requests have arrived.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(&format!("{count} requests came"), |received| received.len() >= count).await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(inner): State<Arc<Inner>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        path: uri.path_and_query().map_or_else(String::new, ToString::to_string),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body,
    };
    {
        let mut at_once = lock(&inner.at_once);
        at_once.0 += 1;
        at_once.1 = at_once.1.max(at_once.0);
    }
    let respond = (lock(&inner.behaviour))(&received);
    lock(&inner.received).push(received);
    inner.came.notify_waiters();
    tokio::time::sleep(respond.delay).await;
    lock(&inner.at_once).0 -= 1;
    let status = StatusCode::from_u16(respond.status).expect("a status");
    let mut response = (status, respond.body).into_response();
    for (name, value) in respond.headers {
        response.headers_mut().insert(name, value.parse().expect("a header value"));
    }
    response
}
