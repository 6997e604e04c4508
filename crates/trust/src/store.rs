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

/// Whom to believe.
pub struct Trust {
    config: Arc<ClientConfig>,
    /// Those that can stand at the end of a chain.
    roots: Vec<CertificateDer<'static>>,
    bundle: OnceLock<Vec<u8>>,
}

/// A file of certificates that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It can't be read.
    #[error("tls_ca_file {path} can't be read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// There is no certificate in it, or one that is none.
    #[error("tls_ca_file {path} holds no PEM certificates: it must have lines -----BEGIN CERTIFICATE-----")]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// TLS can't be set up at all.
    #[error("TLS can't be set up: {0}")]
    Broken(String),
}

impl Trust {
    /// Believes the built-in authorities, those of the system, and the certificates of this PEM file: authorities,
    /// and certificates of single servers, which are believed for the hosts that they name.
    ///
    /// # Errors
    /// When the file can't be used.
    pub fn load(ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let broken = |error: &dyn std::fmt::Display| TrustError::Broken(error.to_string());
        let listed = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
        let mut roots: Vec<_> = webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec();
        // Where the system has no store of its own, the built-in one does.
        roots.extend(rustls_native_certs::load_native_certs().certs);
        let mut anchors = RootCertStore::empty();
        roots.retain(|root| anchors.add(root.clone()).is_ok());
        for one in &listed {
            // One that the parser refuses, such as version 1, is believed as a listed one only. So is a server's:
            // whoever holds its key must not be able to sign for other hosts.
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

    /// For those who take a configuration.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// For those who take certificates, DER.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.iter().map(AsRef::as_ref)
    }

    /// For those who take a bundle, PEM.
    pub fn bundle(&self) -> &[u8] {
        self.bundle.get_or_init(|| {
            let parts: Vec<_> = self.certificates().map(|der| pem::Pem::new("CERTIFICATE", der)).collect();
            pem::encode_many(&parts).into_bytes()
        })
    }
}

/// Whether it says of itself that it signs others (RFC 5280 §4.2.1.9).
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

/// Makes it this process's: once, at its start.
pub fn install(trust: Trust) -> Arc<Trust> {
    INSTALLED.get_or_init(|| Arc::new(trust)).clone()
}

/// This process's; without a file if none was installed.
///
/// # Panics
/// When TLS can't be set up at all.
pub fn get() -> Arc<Trust> {
    INSTALLED.get_or_init(|| Arc::new(Trust::load(None).expect("the built-in authorities are sound"))).clone()
}
