use super::show::of_people;
use crate::{ServiceResult, Services};

impl Services {
    /// Removes a consumer and its position.
    ///
    /// # Errors
    /// If the consumer does not exist.
    pub async fn remove_consumer(&self, name: &str, who: &str) -> ServiceResult<()> {
        self.store.remove_consumer(of_people(name)?).await?;
        self.audit.record(who, "consumer.removed", &name, String::new()).await;
        Ok(())
    }
}
