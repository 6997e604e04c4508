//! A client for one purpose: POSTs to URLs that strangers gave us. HTTP/1.1, guarded dials, its
//! own pool, no redirects, no decompression, everything within limits.

mod dial;
mod error;
mod exchange;
mod guard;
mod pool;

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
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

/// Whom to believe in TLS.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Certificates of authorities beside the well-known ones, DER.
    pub extra_roots: Vec<Vec<u8>>,
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
    /// Makes a client.
    ///
    /// # Errors
    /// When an extra root is no certificate.
    pub fn new(
        guard: Guard,
        book: Arc<dyn AddressBook>,
        tls: &TlsOptions,
        options: ClientOptions,
    ) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for der in &tls.extra_roots {
            roots.add(CertificateDer::from(der.clone()))?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { guard, book, tls: TlsConnector::from(Arc::new(config)), options, pool: Pool::default() })
    }
}
