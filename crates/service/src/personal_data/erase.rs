use std::sync::Arc;

use gancho_model::DataSubject;
use gancho_store::{Erased, StoreError};

use crate::{ServiceResult, Services, audit::count_details};

impl Services {
    /// Erases all data about a customer; continues to the end even if the caller leaves.
    ///
    /// # Errors
    /// If the store fails; what was erased before stays erased.
    pub async fn erase_personal_data(self: &Arc<Self>, subject: DataSubject, who: String) -> ServiceResult<Erased> {
        let services = self.clone();
        let erasing = tokio::spawn(async move { services.erase_all(Arc::new(subject), &who).await });
        erasing.await.unwrap_or_else(|panic| Err(StoreError::Broken(panic.to_string()).into()))
    }

    async fn erase_all(&self, subject: Arc<DataSubject>, who: &str) -> ServiceResult<Erased> {
        let mut done = Erased::default();
        loop {
            done.add(self.store.erase(subject.clone(), done.next, self.environment.moment()).await?);
            if done.next.is_none() {
                break;
            }
        }
        self.store.forget_customer(subject.clone()).await?;
        // Only the code is recorded, as evidence of the erasure.
        let details = count_details(done.deliveries);
        self.audit.record_details(who, "personal_data.erased", &"", subject.code.clone(), details).await;
        Ok(done)
    }
}
