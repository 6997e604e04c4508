use gancho_model::{Bin, BinId, limits::BIN_TTL_S};

use super::NewBin;
use crate::{ServiceResult, Services};

impl Services {
    /// Creates a bin.
    ///
    /// # Errors
    /// A conflict if the maximum number exists.
    pub async fn create_bin(&self, new: NewBin, who: &str) -> ServiceResult<Bin> {
        let now = self.environment.now();
        let ttl_s = new.ttl_s.map_or(BIN_TTL_S, |ttl| ttl.0);
        let bin = Bin {
            id: BinId::new(now, &*self.environment),
            respond: new.respond.map(Into::into).unwrap_or_default(),
            received: 0,
            created_at: now,
            expires_at: now.plus_ms(ttl_s * 1_000),
        };
        self.store.add_bin(bin.clone(), now).await?;
        self.audit.record(who, "bin.created", &bin.id, String::new()).await;
        Ok(bin)
    }
}
