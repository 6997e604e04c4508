//! A client for one purpose: POSTs to URLs that strangers gave us. HTTP/1.1, guarded dials, its
//! own pool, no redirects, no decompression, everything within limits.

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

/// What bounds an exchange.
#[derive(Clone, Copy, Debug)]
pub struct ClientOptions {
    /// Connecting, TLS included, milliseconds.
    pub connect_ms: u32,
    /// How much of an answer is read, bytes.
    pub read_bytes: usize,
    /// How much of it is kept, bytes.
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
    /// Makes a client that believes whom the TLS configuration believes.
    pub fn new(guard: Guard, book: Arc<dyn AddressBook>, tls: Arc<ClientConfig>, options: ClientOptions) -> Self {
        Self { guard, book, tls: TlsConnector::from(tls), options, pool: Pool::default(), proxy: None }
    }

    /// The same through a proxy, if there is one; bins of our own are not.
    #[must_use]
    pub fn through(self, proxy: Option<EgressProxy>) -> Self {
        Self { proxy, ..self }
    }
}
