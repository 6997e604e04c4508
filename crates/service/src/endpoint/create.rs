use std::collections::BTreeMap;

use gancho_model::{Endpoint, EndpointId, Health, RetryPolicy, Secret, SigningSecrets};

use super::{NewEndpoint, display_name};
use crate::{ServiceResult, Services};

impl Services {
    /// Adds an endpoint; its secret is made unless one is given.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn create_endpoint(&self, mut new: NewEndpoint, who: &str) -> ServiceResult<Endpoint> {
        let now = self.environment.now();
        let secret = new.secret.take().map_or_else(|| self.new_secret(), |secret| secret.0);
        let mut endpoint = Endpoint {
            id: EndpointId::new(now, &*self.environment),
            url: String::new(),
            name: None,
            description: None,
            events: vec![],
            sources: vec![],
            enabled: true,
            paused: false,
            headers: BTreeMap::new(),
            timeout_ms: self.limits.attempt_ms,
            retry: RetryPolicy::default(),
            rate_per_s: None,
            max_in_flight: None,
            secrets: SigningSecrets::one(secret),
            health: Health::default(),
            disabled_reason: None,
            created_at: now,
            updated_at: now,
        };
        new.into_patch().apply(&mut endpoint);
        self.store.add_endpoint(endpoint.clone()).await?;
        self.audit.record(who, "endpoint.created", &endpoint.id, display_name(&endpoint)).await;
        Ok(endpoint)
    }

    /// A secret of 256 random bits.
    pub(super) fn new_secret(&self) -> Secret {
        let mut key = [0; 32];
        self.environment.fill(&mut key);
        Secret::from_bytes(&key)
    }
}
