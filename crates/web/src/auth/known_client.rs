use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::http::Extensions;

/// Whether whoever is behind a connection has shown who they are: by a token, or by a session. The server puts it
/// into each request's extensions, and keeps connections of strangers in bounds.
#[derive(Clone, Debug, Default)]
pub struct KnownClient(Arc<AtomicBool>);

impl KnownClient {
    /// Whether they have.
    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// They have.
    pub fn make(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Notes it for the connection of a request.
    pub(crate) fn note(extensions: &Extensions) {
        if let Some(known) = extensions.get::<Self>() {
            known.make();
        }
    }
}
