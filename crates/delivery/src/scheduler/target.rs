use std::sync::Arc;

use gancho_model::Endpoint;
use url::Url;

/// An endpoint and its parsed URL.
#[derive(Clone)]
pub(crate) struct Target {
    pub endpoint: Endpoint,
    /// Its URL as text, to be noted with every attempt.
    pub address: Arc<str>,
    /// Checked when the endpoint was saved; nothing if an older version took what this one does not.
    pub url: Option<Url>,
}

impl Target {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { url: gancho_model::target::parse(&endpoint.url).ok(), address: endpoint.url.as_str().into(), endpoint }
    }
}
