use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Instant;
use url::Url;

use super::seen::Seen;

/// A connection to a receiver.
pub(super) struct Connection {
    pub sender: SendRequest<Full<Bytes>>,
    /// The start of the current response.
    pub seen: Seen,
}

/// How long an idle connection is reused. Below the five seconds after which common servers close theirs, so that we
/// rarely write to a closing connection.
const IDLE: Duration = Duration::from_secs(4);
/// Maximum idle connections per receiver.
const IDLE_MAX: usize = 64;

/// Idle connections by scheme, host and port; the most recently used is reused first.
#[derive(Default)]
pub(super) struct Pool(Mutex<HashMap<String, Vec<(Connection, Instant)>>>);

impl Pool {
    fn idle(&self) -> MutexGuard<'_, HashMap<String, Vec<(Connection, Instant)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn take(&self, key: &str) -> Option<Connection> {
        let mut idle = self.idle();
        let connections = idle.get_mut(key)?;
        while let Some((connection, since)) = connections.pop() {
            if since.elapsed() < IDLE && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    pub fn put(&self, key: &str, connection: Connection) {
        let mut idle = self.idle();
        if !idle.contains_key(key) {
            idle.insert(key.to_owned(), vec![]);
        }
        let Some(connections) = idle.get_mut(key) else { return };
        if connections.len() < IDLE_MAX {
            connections.push((connection, Instant::now()));
        }
    }

    /// Drops connections idle for too long.
    pub fn sweep(&self) {
        self.idle().retain(|_, connections| {
            connections.retain(|(connection, since)| since.elapsed() < IDLE && !connection.sender.is_closed());
            !connections.is_empty()
        });
    }

    /// Drops all to free their descriptors. Returns whether there were any.
    pub fn clear(&self) -> bool {
        let dropped = std::mem::take(&mut *self.idle());
        dropped.values().any(|connections| !connections.is_empty())
    }
}

/// Scheme, host and port as in the URL: `http://example.com:8080`.
pub(super) fn key(url: &Url) -> &str {
    &url[..url::Position::AfterPort]
}
