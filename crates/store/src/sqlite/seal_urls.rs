//! Step 6 of the schema: seals endpoints' addresses, which may contain secrets.

use gancho_model::Rng;
use rusqlite::{Connection, params};
use serde_json::{Map, Value};

use crate::vault::Vault;

/// Moves the column `url` into `sealed`.
pub(super) fn seal_urls(db: &Connection, vault: &Vault, rng: &dyn Rng) -> rusqlite::Result<()> {
    for (n, id, url, sealed) in endpoints(db)? {
        let sealed = with_url(vault, id, url, &sealed, rng)?;
        db.execute("UPDATE endpoints SET sealed = ?2 WHERE n = ?1", params![n, sealed])?;
    }
    db.execute_batch("ALTER TABLE endpoints DROP COLUMN url; INSERT OR REPLACE INTO meta VALUES ('erase_freed', 1)")
}

type Row = (i64, [u8; 16], String, Vec<u8>);

fn endpoints(db: &Connection) -> rusqlite::Result<Vec<Row>> {
    let mut select = db.prepare("SELECT n, id, url, sealed FROM endpoints")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    rows.collect()
}

fn with_url(vault: &Vault, id: [u8; 16], url: String, sealed: &[u8], rng: &dyn Rng) -> rusqlite::Result<Vec<u8>> {
    let damaged = |error: Box<dyn std::error::Error + Send + Sync>| rusqlite::Error::ToSqlConversionFailure(error);
    let opened = vault.open(&id, sealed).map_err(|error| damaged(error.into()))?;
    let mut plain: Map<String, Value> = serde_json::from_slice(&opened).map_err(|error| damaged(error.into()))?;
    plain.insert("url".into(), url.into());
    Ok(vault.seal(&id, Value::Object(plain).to_string().as_bytes(), rng))
}
