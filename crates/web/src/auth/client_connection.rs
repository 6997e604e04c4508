use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::Extensions;
use tokio::sync::Notify;

/// A client's connection, as requests see it: the server puts it into each request's extensions.
#[derive(Clone, Debug, Default)]
pub struct ClientConnection(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    known: AtomicBool,
    is_reset: AtomicBool,
    reset: Notify,
}

impl ClientConnection {
    /// Whether whoever is behind it has shown who they are: by a token, or by a session. Connections of strangers are
    /// kept in bounds.
    pub fn is_known(&self) -> bool {
        self.0.known.load(Ordering::Relaxed)
    }

    /// They have.
    pub fn make_known(&self) {
        self.0.known.store(true, Ordering::Relaxed);
    }

    /// Notes it for the connection of a request.
    pub(crate) fn note_known(extensions: &Extensions) {
        if let Some(connection) = extensions.get::<Self>() {
            connection.make_known();
        }
    }

    /// Asks the server to reset it, with whatever is under way on it.
    pub fn reset(&self) {
        self.0.is_reset.store(true, Ordering::Relaxed);
        self.0.reset.notify_one();
    }

    /// Whether it is to be reset, not closed.
    pub fn is_reset(&self) -> bool {
        self.0.is_reset.load(Ordering::Relaxed)
    }

    /// Waits until somebody asks for a reset.
    pub async fn until_reset(&self) {
        self.0.reset.notified().await;
    }
}
