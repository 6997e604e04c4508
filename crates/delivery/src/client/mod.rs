//! A client for one purpose: POSTs to URLs that strangers gave us. HTTP/1.1, guarded dials, its
//! own pool, no redirects, no decompression, everything within limits.

mod connect;
mod dial;
mod error;
mod exchange;
mod guard;
mod pool;
mod seen;
mod targets;

use std::sync::Arc;

use rustls::ClientConfig;
use tokio_rustls::TlsConnector;

pub use error::SendError;
pub use exchange::{Answer, Exchange};
pub use guard::Guard;
use pool::Pool;

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
}

impl Client {
    /// Makes a client that believes whom the TLS configuration believes.
    pub fn new(guard: Guard, book: Arc<dyn AddressBook>, tls: Arc<ClientConfig>, options: ClientOptions) -> Self {
        Self { guard, book, tls: TlsConnector::from(tls), options, pool: Pool::default() }
    }
}
