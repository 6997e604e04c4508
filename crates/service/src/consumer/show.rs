use gancho_model::{Consumer, Timestamp};
use gancho_store::StoreError;

use crate::{ServiceResult, Services};

impl Services {
    /// Consumers created by users, by name, without listeners' positions.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn consumers(&self) -> ServiceResult<Vec<Consumer>> {
        let mut all = self.store.consumers().await?;
        all.retain(|one| !Consumer::is_of_listener(&one.name));
        Ok(all)
    }

    /// One consumer.
    ///
    /// # Errors
    /// If it does not exist.
    pub async fn consumer(&self, name: &str) -> ServiceResult<Consumer> {
        Ok(self.store.consumer(of_people(name)?).await?)
    }

    /// Moves a consumer's position.
    ///
    /// # Errors
    /// If the consumer or the event does not exist.
    pub async fn acknowledge(&self, name: &str, sequence: u64, now: Timestamp) -> ServiceResult<Consumer> {
        Ok(self.store.acknowledge(of_people(name)?, sequence, now).await?)
    }
}

/// Refuses names of listeners' positions.
pub(super) fn of_people(name: &str) -> Result<&str, StoreError> {
    if Consumer::is_of_listener(name) { Err(StoreError::NotFound) } else { Ok(name) }
}
