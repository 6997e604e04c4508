use gancho_model::EndpointId;

use super::display_name;
use crate::{ServiceResult, Services};

impl Services {
    /// Closes the open issues of an endpoint; a later failure begins a new one. Returns how many were open.
    ///
    /// # Errors
    /// When there is no such endpoint, or the store refuses.
    pub async fn solve_issues(&self, id: EndpointId, who: &str) -> ServiceResult<u64> {
        let endpoint = self.store.endpoint(id).await?;
        let solved = self.store.solve_issues(id, self.environment.now()).await?;
        self.audit.record(who, "endpoint.issues_solved", &id, display_name(&endpoint)).await;
        Ok(solved)
    }
}
