use gancho_model::{Bin, BinId};

use super::BinPatch;
use crate::{ServiceResult, Services};

impl Services {
    /// Changes a bin's response or lifetime.
    ///
    /// # Errors
    /// If the bin does not exist.
    pub async fn change_bin(&self, id: BinId, patch: BinPatch) -> ServiceResult<Bin> {
        let now = self.environment.now();
        let mut bin = self.store.bin(id, now).await?;
        if let Some(respond) = patch.respond {
            bin.respond = respond.into();
        }
        if let Some(ttl) = patch.ttl_s {
            bin.expires_at = now.plus_ms(ttl.0 * 1_000);
        }
        self.store.save_bin(bin.clone(), now).await?;
        Ok(bin)
    }
}
