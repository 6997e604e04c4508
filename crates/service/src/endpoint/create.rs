use gancho_model::{Endpoint, EndpointId, Secret};

use super::{NewEndpoint, display_name};
use crate::{ServiceResult, Services};

impl Services {
    /// Adds an endpoint; generates its secret unless one is given.
    ///
    /// # Errors
    /// If the store fails, or an endpoint has or had the given id.
    pub async fn create_endpoint(&self, mut new: NewEndpoint, who: &str) -> ServiceResult<Endpoint> {
        let now = self.environment.now();
        let secret = new.secret.take().map_or_else(|| self.new_secret(), |secret| secret.0);
        let id = new.id.take().unwrap_or_else(|| EndpointId::new(now, &*self.environment));
        let usual = Endpoint::new(id, "", secret, now);
        let mut endpoint = Endpoint { timeout_ms: self.limits.attempt_ms, ..usual };
        new.into_patch().apply(&mut endpoint);
        self.store.add_endpoint(endpoint.clone()).await?;
        self.audit.record(who, "endpoint.created", &endpoint.id, display_name(&endpoint)).await;
        Ok(endpoint)
    }

    /// Generates a secret of 256 random bits.
    pub(crate) fn new_secret(&self) -> Secret {
        let mut key = [0; 32];
        self.environment.fill(&mut key);
        Secret::from_bytes(&key)
    }
}
