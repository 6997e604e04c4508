//! An HTTP client for one purpose: POST requests to untrusted URLs. HTTP/1.1, checked dials, its own connection pool,
//! no redirects, no decompression, everything bounded.

mod connect;
mod dial;
mod error;
mod exchange;
mod guard;
mod pool;
mod proxy;
mod seen;
mod targets;

use std::sync::Arc;

use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

pub use error::SendError;
pub use exchange::{Answer, Exchange};
pub use guard::Guard;
use pool::Pool;
pub use proxy::EgressProxy;

use crate::AddressBook;

/// Limits of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Connect timeout including TLS, milliseconds.
    pub connect_ms: u32,
    /// Maximum bytes read of a response.
    pub read_bytes: usize,
    /// Maximum bytes kept of it.
    pub kept_bytes: usize,
}

/// The client.
pub struct Client {
    guard: Guard,
    book: Arc<dyn AddressBook>,
    tls: TlsConnector,
    options: ClientOptions,
    pool: Pool,
    proxy: Option<EgressProxy>,
}

impl Client {
    /// Creates a client with the trust anchors of the TLS configuration.
    pub fn new(guard: Guard, book: Arc<dyn AddressBook>, tls: Arc<ClientConfig>, options: ClientOptions) -> Self {
        Self { guard, book, tls: TlsConnector::from(tls), options, pool: Pool::default(), proxy: None }
    }

    /// Uses a proxy, if given, except for our own bins.
    #[must_use]
    pub fn through(self, proxy: Option<EgressProxy>) -> Self {
        Self { proxy, ..self }
    }
}
