//! Settings changed in the web interface.

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::{SqliteStore, rows};
use crate::{Settings, StoreError};

#[async_trait]
impl Settings for SqliteStore {
    async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        let (name, vault) = (name.to_owned(), self.vault.clone());
        self.read_now(move |db| {
            let select = "SELECT sealed FROM settings WHERE name = ?1";
            let sealed: Option<Vec<u8>> = db.query_row(select, [&name], |row| row.get(0)).optional()?;
            let Some(sealed) = sealed else { return Ok(None) };
            let plain = vault.open(name.as_bytes(), &sealed).map_err(|error| StoreError::Broken(error.to_string()))?;
            String::from_utf8(plain).map(Some).map_err(|_| rows::damaged("a setting"))
        })
        .await
    }

    async fn save_setting(&self, name: &str, value: Option<String>) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write_now(true, move |context| {
            match &value {
                Some(value) => {
                    let sealed = context.vault.seal(name.as_bytes(), value.as_bytes(), &*context.environment);
                    let upsert = "INSERT INTO settings VALUES (?1, ?2) ON CONFLICT DO UPDATE SET sealed = ?2";
                    context.db.execute(upsert, params![name, sealed])?
                }
                None => context.db.execute("DELETE FROM settings WHERE name = ?1", [&name])?,
            };
            Ok(())
        })
        .await
    }
}
