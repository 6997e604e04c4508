use gancho_model::{Endpoint, target};

use super::{EndpointPatch, difference::difference, display_name, refuse_listener};
use crate::{
    ServiceResult, Services,
    input::{Rules, WebhookUrl},
};

impl Services {
    /// Rules for validating a change of this endpoint: its current URL stays valid even if the rules have changed.
    pub fn rules_for<'a>(&'a self, known: &'a Endpoint) -> Rules<'a> {
        Rules { known_url: Some(&known.url), ..self.rules() }
    }

    /// Changes an endpoint that was just read. Returns the header fields that were dropped because the URL's origin
    /// changed, such as `headers.X-Key`: credentials must not be sent to another origin.
    ///
    /// # Errors
    /// [`crate::ServiceError::Store`] with a conflict if it was changed by another request meanwhile.
    pub async fn update_endpoint(
        &self,
        known: &Endpoint,
        patch: EndpointPatch,
        who: &str,
    ) -> ServiceResult<Vec<String>> {
        if patch.enabled == Some(true) {
            refuse_listener(known)?;
        }
        let mut endpoint = known.clone();
        let leads_elsewhere =
            patch.url.as_ref().is_some_and(|WebhookUrl(url)| !target::is_same_origin(&known.url, url));
        if leads_elsewhere {
            endpoint.headers.clear();
        }
        patch.apply(&mut endpoint);
        endpoint.updated_at = self.environment.now();
        self.store.save_endpoint(endpoint.clone(), known.updated_at).await?;
        let changed = difference(known, &endpoint);
        if !changed.is_empty() {
            let name = display_name(&endpoint);
            self.audit.record_details(who, "endpoint.changed", &endpoint.id, name, changed).await;
        }
        if !leads_elsewhere {
            return Ok(vec![]);
        }
        let is_kept = |name: &&String| endpoint.headers.keys().any(|kept| kept.eq_ignore_ascii_case(name));
        let dropped = known.headers.keys().filter(|name| !is_kept(name));
        Ok(dropped.map(|name| format!("headers.{name}")).collect())
    }
}
