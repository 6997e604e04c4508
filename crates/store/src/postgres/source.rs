//! Adds, changes and removes sources.

use async_trait::async_trait;
use gancho_model::{Secret, Source, SourceId, SourceKind, Timestamp, Token};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{PostgresStore, access, customer, processed, rows, write_context::WriteContext};
use crate::{Snapshots, Sources, StoreError, stored::SealedSource, vault::Vault};

const SOURCE: &str = "id, name, kind, sealed, time_zone, models, heard_at, created_at, paused";

#[async_trait]
impl Sources for PostgresStore {
    async fn add_source(&self, source: Source, token: Option<(Token, [u8; 32])>) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            let insert = "INSERT INTO sources (id, name, kind, sealed, time_zone, models, heard_at, created_at, paused) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
            let sealed = sealed(context, &source);
            run!(
                &mut context.db,
                insert,
                source.id.bytes().as_slice(),
                rows::storable(&source.name),
                source.kind.as_str(),
                sealed,
                &source.time_zone,
                source.models.as_ref().map(rows::to_json),
                source.heard_at.map(Timestamp::ms),
                source.created_at.ms(),
                source.paused,
            );
            match &token {
                Some((token, digest)) => access::insert_token(&mut context.db, token, digest).await,
                None => Ok(()),
            }
        })
        .await
    }

    async fn source(&self, id: SourceId) -> Result<Source, StoreError> {
        let mut db = self.read_now().await?;
        let select = AssertSqlSafe(format!("SELECT {SOURCE} FROM sources WHERE id = $1"));
        of_row(&first!(db, select, id.bytes().as_slice()).ok_or(StoreError::NotFound)?, &self.shared.vault)
    }

    async fn sources(&self) -> Result<Vec<Source>, StoreError> {
        let mut db = self.read_now().await?;
        let found = all!(db, AssertSqlSafe(format!("SELECT {SOURCE} FROM sources ORDER BY id")));
        found.iter().map(|row| of_row(row, &self.shared.vault)).collect()
    }

    async fn save_source(&self, source: Source) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            let update =
                "UPDATE sources SET name = $2, sealed = $3, time_zone = $4, models = $5, paused = $6 WHERE id = $1";
            let sealed = sealed(context, &source);
            let (id, name) = (source.id.bytes().as_slice(), rows::storable(&source.name));
            let models = source.models.as_ref().map(rows::to_json);
            let changed = run!(&mut context.db, update, id, name, sealed, &source.time_zone, models, source.paused);
            if changed == 1 { Ok(()) } else { Err(StoreError::NotFound) }
        })
        .await
    }

    async fn save_source_status(&self, id: SourceId, status: String, now: Timestamp) -> Result<(), StoreError> {
        self.write_now(false, async move |context| {
            let upsert = "INSERT INTO source_status (source, status, at) VALUES ($1, $2, $3) \
                ON CONFLICT (source) DO UPDATE SET status = excluded.status, at = excluded.at";
            run!(&mut context.db, upsert, id.bytes().as_slice(), rows::storable(&status), now.ms());
            Ok(())
        })
        .await
    }

    async fn source_statuses(&self) -> Result<Vec<(SourceId, String, Timestamp)>, StoreError> {
        let mut db = self.read_now().await?;
        let told = all!(db, "SELECT source, status, at FROM source_status");
        told.iter()
            .map(|row| Ok((SourceId::from_bytes(rows::id(row, 0)?), row.try_get(1)?, rows::time(row, 2)?)))
            .collect()
    }

    async fn remove_source(&self, id: SourceId) -> Result<(), StoreError> {
        self.source(id).await?;
        self.forget_seen(id).await?;
        let some = async move |context: &mut WriteContext| processed::forget(&mut context.db, id).await;
        while self.write_now(false, some).await? > 0 {}
        self.write_now(true, async move |context| {
            let bytes = id.bytes().as_slice();
            if run!(&mut context.db, "DELETE FROM sources WHERE id = $1", bytes) == 0 {
                return Err(StoreError::NotFound);
            }
            run!(&mut context.db, "DELETE FROM tokens WHERE source = $1", bytes);
            run!(&mut context.db, "DELETE FROM source_status WHERE source = $1", bytes);
            customer::forget(&mut context.db, id).await?;
            run!(&mut context.db, "DELETE FROM remembered WHERE source = $1", bytes);
            Ok(())
        })
        .await
    }
}

fn sealed(context: &WriteContext, source: &Source) -> Vec<u8> {
    let plain = rows::to_json(&SealedSource::of(source));
    context.vault.seal(source.id.bytes(), plain.as_bytes(), &*context.environment)
}

fn of_row(row: &PgRow, vault: &Vault) -> Result<Source, StoreError> {
    let id = SourceId::from_bytes(rows::id(row, 0)?);
    let sealed: Vec<u8> = row.try_get(3)?;
    let opened = vault.open(id.bytes(), &sealed).map_err(|error| StoreError::Broken(error.to_string()))?;
    let sealed: SealedSource = serde_json::from_slice(&opened).map_err(|_| rows::damaged("sealed"))?;
    let models: Option<String> = row.try_get(5)?;
    Ok(Source {
        id,
        name: row.try_get(1)?,
        kind: SourceKind::parse(row.try_get(2)?).ok_or_else(|| rows::damaged("a source's kind"))?,
        url: sealed.url.map(Secret::new),
        key: sealed.key.map(Secret::new),
        time_zone: row.try_get(4)?,
        models: models.as_deref().map(rows::from_json).transpose()?,
        heard_at: rows::optional_time(row, 6)?,
        created_at: rows::time(row, 7)?,
        paused: row.try_get(8)?,
    })
}
