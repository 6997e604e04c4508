use gancho_model::{Consumer, Timestamp};
use gancho_store::StoreError;

use crate::{ServiceResult, Services};

impl Services {
    /// The consumers that people made, by name; positions of listeners are the listeners' own.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn consumers(&self) -> ServiceResult<Vec<Consumer>> {
        let mut all = self.store.consumers().await?;
        all.retain(|one| !Consumer::is_of_listener(&one.name));
        Ok(all)
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is no such consumer.
    pub async fn consumer(&self, name: &str) -> ServiceResult<Consumer> {
        Ok(self.store.consumer(of_people(name)?).await?)
    }

    /// Says how far one has come.
    ///
    /// # Errors
    /// When there is no such consumer, or no such event yet.
    pub async fn acknowledge(&self, name: &str, sequence: u64, now: Timestamp) -> ServiceResult<Consumer> {
        Ok(self.store.acknowledge(of_people(name)?, sequence, now).await?)
    }
}

/// A name that is not a listener's.
pub(super) fn of_people(name: &str) -> Result<&str, StoreError> {
    if Consumer::is_of_listener(name) { Err(StoreError::NotFound) } else { Ok(name) }
}
