use std::sync::Arc;

use gancho_model::Endpoint;
use url::Url;

/// An endpoint and its parsed URL.
#[derive(Clone)]
pub(crate) struct Target {
    pub endpoint: Endpoint,
    /// Its URL as text, recorded with every attempt.
    pub address: Arc<str>,
    /// Validated when the endpoint was saved; `None` if an older version accepted an invalid one.
    pub url: Option<Url>,
}

impl Target {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { url: gancho_model::target::parse(&endpoint.url).ok(), address: endpoint.url.as_str().into(), endpoint }
    }
}
