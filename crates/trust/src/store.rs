use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    pki_types::{CertificateDer, pem::PemObject},
};

use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use crate::listed::ListedVerifier;

/// The trust store.
pub struct Trust {
    config: Arc<ClientConfig>,
    /// Trust anchors.
    roots: Vec<CertificateDer<'static>>,
    bundle: OnceLock<Vec<u8>>,
}

/// An unusable certificate file.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It can't be read.
    #[error("tls_ca_file {path} can't be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        why: String,
    },
    /// It contains no certificate, or an invalid one.
    #[error("tls_ca_file {path} holds no PEM certificates: it must have lines -----BEGIN CERTIFICATE-----")]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Broken(String),
}

impl Trust {
    /// Loads the built-in authorities, those of the system, and the certificates of this PEM file: authorities, and
    /// certificates of single servers, which are trusted for the hosts that they name.
    ///
    /// # Errors
    /// If the file can't be used.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let broken = |error: &dyn std::fmt::Display| TrustError::Broken(error.to_string());
        let listed = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
        let mut roots: Vec<_> = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
        // Without a system store, the built-in authorities are used.
        roots.extend(rustls_native_certs::load_native_certs().certs);
        let mut anchors = RootCertStore::empty();
        roots.retain(|root| anchors.add(root.clone()).is_ok());
        for one in &listed {
            // Certificates that the parser rejects, such as version 1, are trusted only as listed ones. So are servers'
            // certificates: the owner of such a key must not be able to sign for other hosts.
            let is_parsed = RootCertStore::empty().add(one.clone()).is_ok();
            if is_parsed && is_authority(one) {
                anchors.add(one.clone()).map_err(|error| broken(&error))?;
            }
            roots.extend(is_parsed.then(|| one.clone()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), provider.clone()).build();
        let verifier = ListedVerifier::new(inner.map_err(|error| broken(&error))?, listed, provider.clone());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| broken(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), roots, bundle: OnceLock::new() })
    }

    /// For libraries that accept a configuration.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// For libraries that accept certificates (DER).
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.iter().map(AsRef::as_ref)
    }

    /// For libraries that accept a bundle (PEM).
    pub fn bundle(&self) -> &[u8] {
        self.bundle.get_or_init(|| {
            let parts: Vec<_> = self.certificates().map(|der| pem::Pem::new("CERTIFICATE", der)).collect();
            pem::encode_many(&parts).into_bytes()
        })
    }
}

/// Whether it is marked as an authority (RFC 5280 §4.2.1.9).
fn is_authority(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.is_ca())
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let unreadable = |why: std::io::Error| TrustError::Unreadable { path: path.into(), why: why.to_string() };
    let text = std::fs::read(path).map_err(unreadable)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TrustError::NoCertificates { path: path.into() }),
    }
}

static INSTALLED: OnceLock<Arc<Trust>> = OnceLock::new();

/// Installs it for this process, once at its start.
pub fn install(trust: Trust) -> Arc<Trust> {
    INSTALLED.get_or_init(|| Arc::new(trust)).clone()
}

/// The trust store of this process; without a file if none was installed.
///
/// # Panics
/// If TLS can't be set up.
pub fn get() -> Arc<Trust> {
    INSTALLED.get_or_init(|| Arc::new(Trust::load(None).expect("the built-in authorities are sound"))).clone()
}
