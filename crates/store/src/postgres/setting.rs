//! Settings changed in the web interface.

use async_trait::async_trait;

use super::{PostgresStore, rows};
use crate::{Settings, StoreError};

#[async_trait]
impl Settings for PostgresStore {
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let mut db = self.read_now().await?;
        let sealed = scalar!(db, Vec<u8>, "SELECT sealed FROM settings WHERE name = $1", name);
        let Some(sealed) = sealed else { return Ok(None) };
        let plain =
            self.shared.vault.open(name.as_bytes(), &sealed).map_err(|error| StoreError::Broken(error.to_string()))?;
        String::from_utf8(plain).map(Some).map_err(|_| rows::damaged("a setting"))
    }

    async fn save_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write_now(true, async move |context| {
            match &value {
                Some(value) => {
                    let sealed = context.vault.seal(name.as_bytes(), value.as_bytes(), &*context.environment);
                    let upsert = "INSERT INTO settings VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET sealed = $2";
                    run!(&mut context.db, upsert, &name, sealed)
                }
                None => run!(&mut context.db, "DELETE FROM settings WHERE name = $1", &name),
            };
            Ok(())
        })
        .await
    }
}
