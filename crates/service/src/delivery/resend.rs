use std::sync::Arc;

use gancho_model::Message;
use gancho_store::{DeliveryFilter, Resend};

use crate::{ServiceError, ServiceResult, Services, audit::count_details, jobs::DELIVERIES};

impl Services {
    /// How many deliveries that ended badly match.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn count_resendable(&self, filter: DeliveryFilter) -> ServiceResult<u64> {
        let resend = Resend { filter, dry_run: true, now: self.environment.mono() };
        self.resend_batches(&resend, |_| {}).await
    }

    /// Sends them again, as work that goes on by itself; `total` is what was counted before.
    pub fn start_resend(self: &Arc<Self>, filter: DeliveryFilter, total: u64, who: String) {
        let resend = Resend { filter, dry_run: false, now: self.environment.mono() };
        let services = self.clone();
        let job = self.jobs.begin(DELIVERIES, total);
        self.jobs.run(job, async move {
            let run = services.resend_batches(&resend, |done| services.jobs.note(job, |job| job.done = done)).await;
            let broken = |error: ServiceError| error.message().unwrap_or_else(|| Message::new("problem-broken"));
            let details = count_details(run.map_err(broken)?);
            services.audit.record_details(&who, "deliveries.resent", &"", String::new(), details).await;
            Ok(())
        });
    }

    /// Batch after batch; says how far it is.
    async fn resend_batches(&self, resend: &Resend, mut progress: impl FnMut(u64)) -> ServiceResult<u64> {
        let (mut count, mut before) = (0, None);
        loop {
            let resent = self.store.resend(resend.clone(), before).await?;
            count += resent.count;
            progress(count);
            before = resent.next;
            if before.is_none() {
                return Ok(count);
            }
        }
    }
}
