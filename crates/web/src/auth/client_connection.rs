use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::Extensions;
use tokio::sync::Notify;

/// A client's connection: the server puts it into the extensions of each request.
#[derive(Clone, Debug, Default)]
pub struct ClientConnection(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: AtomicBool,
    is_reset: AtomicBool,
    reset: Notify,
}

impl ClientConnection {
    /// Whether the client has authenticated, by token or session. The number of unauthenticated connections is limited.
    pub fn is_known(&self) -> bool {
        self.0.known.load(Ordering::Relaxed)
    }

    /// Marks it as authenticated.
    pub fn make_known(&self) {
        self.0.known.store(true, Ordering::Relaxed);
    }

    /// Marks the connection of a request as authenticated.
    pub(crate) fn note_known(extensions: &Extensions) {
        if let Some(connection) = extensions.get::<Self>() {
            connection.make_known();
        }
    }

    /// Asks the server to reset it, with its current request.
    pub fn reset(&self) {
        self.0.is_reset.store(true, Ordering::Relaxed);
        self.0.reset.notify_one();
    }

    /// Whether to reset it instead of closing it.
    pub fn is_reset(&self) -> bool {
        self.0.is_reset.load(Ordering::Relaxed)
    }

    /// Waits until a reset is requested.
    pub async fn until_reset(&self) {
        self.0.reset.notified().await;
    }
}
