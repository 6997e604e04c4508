use gancho_model::EndpointId;

use super::display_name;
use crate::{ServiceResult, Services};

impl Services {
    /// Closes an endpoint's open issues; a later failure opens a new one. Returns how many were open.
    ///
    /// # Errors
    /// If the endpoint does not exist, or the store fails.
    pub async fn solve_issues(&self, id: EndpointId, who: &str) -> ServiceResult<u64> {
        let endpoint = self.store.endpoint(id).await?;
        let solved = self.store.solve_issues(id, self.environment.now()).await?;
        self.audit.record(who, "endpoint.issues_solved", &id, display_name(&endpoint)).await;
        Ok(solved)
    }
}
