use std::sync::Arc;

use gancho_store::{Bulk, BulkAct, DeliveryFilter, NewJob};

use crate::{ServiceResult, Services, audit::count_details, job::DELIVERIES};

impl Services {
    /// Number of deliveries that an action applies to.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn count_deliveries(&self, act: BulkAct, filter: DeliveryFilter) -> ServiceResult<u64> {
        self.act_on_batches(&Bulk { act, filter, dry_run: true, now: self.environment.mono(), job: None }).await
    }

    /// Resends failed deliveries as a background job; `total` is the number counted before.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn start_resend(self: &Arc<Self>, filter: DeliveryFilter, total: u64, who: String) -> ServiceResult<()> {
        let services = self.clone();
        let now = self.environment.mono();
        let begun = NewJob { about: DELIVERIES.to_owned(), total, resume: None };
        let work = move |job| async move {
            let bulk = Bulk { act: BulkAct::Resend, filter, dry_run: false, now, job: Some(job) };
            let count = services.act_on_batches(&bulk).await?;
            services.record_bulk(&who, "deliveries.resent", count).await;
            Ok(())
        };
        self.run_job(begun, work).await.map(drop)
    }

    /// Cancels pending deliveries; returns how many.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn cancel_deliveries(&self, filter: DeliveryFilter, who: &str) -> ServiceResult<u64> {
        let bulk = Bulk { act: BulkAct::Cancel, filter, dry_run: false, now: self.environment.mono(), job: None };
        let count = self.act_on_batches(&bulk).await?;
        self.record_bulk(who, "deliveries.cancelled", count).await;
        Ok(count)
    }

    /// Runs all batches.
    async fn act_on_batches(&self, bulk: &Bulk) -> ServiceResult<u64> {
        let (mut count, mut before) = (0, None);
        loop {
            let done = self.store.act_on(bulk.clone(), before).await?;
            count += done.count;
            before = done.next;
            if before.is_none() {
                return Ok(count);
            }
        }
    }

    async fn record_bulk(&self, who: &str, action: &'static str, count: u64) {
        self.audit.record_details(who, action, &"", String::new(), count_details(count)).await;
    }
}
