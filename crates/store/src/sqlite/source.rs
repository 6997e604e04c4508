//! Adds, changes and removes sources.

use async_trait::async_trait;
use gancho_model::{Secret, Source, SourceId, SourceKind, Timestamp, Token};
use rusqlite::{Connection, params};

use super::{SqliteStore, access, customer, processed, rows, write_context::WriteContext};
use crate::{Snapshots, Sources, StoreError, stored::SealedSource, vault::Vault};

#[async_trait]
impl Sources for SqliteStore {
    async fn add_source(&self, source: Source, token: Option<(Token, [u8; 32])>) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            let insert = "INSERT INTO sources (id, name, kind, sealed, time_zone, models, heard_at, created_at, paused) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            context.db.prepare_cached(insert)?.execute(params![
                source.id.bytes(),
                source.name,
                source.kind.as_str(),
                sealed(context, &source),
                source.time_zone,
                source.models.as_ref().map(rows::to_json),
                source.heard_at.map(Timestamp::ms),
                source.created_at.ms(),
                source.paused,
            ])?;
            token.as_ref().map_or(Ok(()), |(token, digest)| access::insert_token(&context.db, token, digest))
        })
        .await
    }

    async fn source(&self, id: SourceId) -> Result<Source, StoreError> {
        let vault = self.vault.clone();
        self.read_now(move |db| select(db, &vault, "id = ?1", [id.bytes()])?.pop().ok_or(StoreError::NotFound)).await
    }

    async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        let vault = self.vault.clone();
        self.read_now(move |db| select(db, &vault, "true ORDER BY id", [])).await
    }

    async fn save_source(&self, source: Source) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            let update =
                "UPDATE sources SET name = ?2, sealed = ?3, time_zone = ?4, models = ?5, paused = ?6 WHERE id = ?1";
            let changed = context.db.prepare_cached(update)?.execute(params![
                source.id.bytes(),
                source.name,
                sealed(context, &source),
                source.time_zone,
                source.models.as_ref().map(rows::to_json),
                source.paused,
            ])?;
            if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
        })
        .await
    }

    async fn save_source_status(&self, _: SourceId, _: String, _: Timestamp) -> Result<(), StoreError> {
        // A database file has one process, which has the status in memory.
        Ok(())
    }

    async fn source_statuses(&self) -> Result<Vec<(SourceId, String, Timestamp)>, StoreError> {
        Ok(vec![])
    }

    async fn remove_source(&self, id: SourceId) -> Result<(), StoreError> {
        self.source(id).await?;
        self.forget_seen(id).await?;
        while self.write_now(false, move |context| processed::forget(&context.db, id)).await? > 0 {}
        self.write_now(true, move |context| {
            if context.db.execute("DELETE FROM sources WHERE id = ?1", [id.bytes()])? == 0 {
                return Err(StoreError::NotFound);
            }
            context.db.execute("DELETE FROM tokens WHERE source = ?1", [id.bytes()])?;
            customer::forget(&context.db, id)?;
            context.db.execute("DELETE FROM remembered WHERE source = ?1", [id.bytes()])?;
            Ok(())
        })
        .await
    }
}

fn sealed(context: &WriteContext, source: &Source) -> Vec<u8> {
    let plain = rows::to_json(&SealedSource::of(source));
    context.vault.seal(source.id.bytes(), plain.as_bytes(), &*context.environment)
}

fn select(
    db: &Connection,
    vault: &Vault,
    condition: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<Source>, StoreError> {
    let columns = "id, name, kind, sealed, time_zone, models, heard_at, created_at, paused";
    let mut select = db.prepare_cached(&format!("SELECT {columns} FROM sources WHERE {condition}"))?;
    let mut found = select.query(params)?;
    let mut sources = vec![];
    while let Some(row) = found.next()? {
        let id = SourceId::from_bytes(row.get(0)?);
        let opened = vault.open(id.bytes(), &row.get::<_, Vec<u8>>(3)?);
        let opened = opened.map_err(|error| StoreError::Broken(error.to_string()))?;
        let sealed: SealedSource = serde_json::from_slice(&opened).map_err(|_| rows::damaged("sealed"))?;
        let models: Option<String> = row.get(5)?;
        sources.push(Source {
            id,
            name: row.get(1)?,
            kind: SourceKind::parse(&row.get::<_, String>(2)?).ok_or_else(|| rows::damaged("a source's kind"))?,
            url: sealed.url.map(Secret::new),
            key: sealed.key.map(Secret::new),
            time_zone: row.get(4)?,
            models: models.as_deref().map(rows::from_json).transpose()?,
            heard_at: rows::time(row.get(6)?),
            created_at: Timestamp::from_ms(row.get(7)?),
            paused: row.get(8)?,
        });
    }
    Ok(sources)
}
