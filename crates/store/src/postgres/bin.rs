//! Bins and their requests.

use async_trait::async_trait;
use gancho_model::{
    Bin, BinId, BinRequest, Message, Timestamp,
    limits::{BIN_REQUESTS_MAX, BINS_MAX},
};
use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{Db, PostgresStore, rows};
use crate::{Bins, StoreError, stored::BinRequestHead};

const BIN: &str = "id, respond, received, created_at, expires_at";

#[async_trait]
impl Bins for PostgresStore {
    async fn add_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            remove_expired(&mut context.db, now).await?;
            let count = scalar!(&mut context.db, i64, "SELECT count(*) FROM bins").unwrap_or(0);
            if count >= BINS_MAX {
                return Err(StoreError::Conflict(Message::new("conflict-bins").with("max", BINS_MAX)));
            }
            let insert = "INSERT INTO bins VALUES ($1, $2, 0, $3, $4)";
            let (id, respond) = (bin.id.bytes().as_slice(), rows::to_json(&bin.respond));
            run!(&mut context.db, insert, id, respond, bin.created_at.ms(), bin.expires_at.ms());
            Ok(())
        })
        .await
    }

    async fn bin(&self, id: BinId, now: Timestamp) -> Result<Bin, StoreError> {
        one(&mut *self.read_now().await?, id, now).await
    }

    async fn bins(&self, now: Timestamp) -> Result<Vec<Bin>, StoreError> {
        let mut db = self.read_now().await?;
        let select = format!("SELECT {BIN} FROM bins WHERE expires_at > $1 ORDER BY id DESC");
        all!(db, AssertSqlSafe(select), now.ms()).iter().map(read).collect()
    }

    async fn save_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            one(&mut context.db, bin.id, now).await?;
            let update = "UPDATE bins SET respond = $2, expires_at = $3 WHERE id = $1";
            let (id, respond) = (bin.id.bytes().as_slice(), rows::to_json(&bin.respond));
            run!(&mut context.db, update, id, respond, bin.expires_at.ms());
            Ok(())
        })
        .await
    }

    async fn remove_bin(&self, id: BinId) -> Result<(), StoreError> {
        self.write_now(true, async move |context| {
            run!(&mut context.db, "DELETE FROM bin_requests WHERE bin = $1", id.bytes().as_slice());
            match run!(&mut context.db, "DELETE FROM bins WHERE id = $1", id.bytes().as_slice()) {
                0 => Err(StoreError::NotFound),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn keep_request(&self, id: BinId, request: BinRequest) -> Result<(Bin, u64), StoreError> {
        self.write_now(false, async move |context| {
            let bin = one(&mut context.db, id, request.at).await?;
            let count = "UPDATE bins SET received = received + 1 WHERE id = $1 RETURNING received";
            let n = scalar!(&mut context.db, i64, count, id.bytes().as_slice()).ok_or(StoreError::NotFound)?;
            let head = rows::to_json(&BinRequestHead::of(&request));
            let insert = "INSERT INTO bin_requests VALUES ($1, $2, $3, $4, $5)";
            run!(&mut context.db, insert, id.bytes().as_slice(), n, request.at.ms(), head, &request.body[..]);
            let forget = "DELETE FROM bin_requests WHERE bin = $1 AND n <= $2";
            run!(&mut context.db, forget, id.bytes().as_slice(), n - BIN_REQUESTS_MAX);
            Ok((bin, n.unsigned_abs()))
        })
        .await
    }

    async fn bin_requests(
        &self,
        id: BinId,
        after: u64,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<BinRequest>, StoreError> {
        let mut db = self.read_now().await?;
        one(&mut db, id, now).await?;
        let select = "SELECT n, at, head, body FROM bin_requests WHERE bin = $1 AND n > $2 ORDER BY n LIMIT $3";
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let found = all!(db, select, id.bytes().as_slice(), after, limit as i64);
        found.iter().map(request).collect()
    }
}

async fn one(db: &mut Db, id: BinId, now: Timestamp) -> Result<Bin, StoreError> {
    let select = AssertSqlSafe(format!("SELECT {BIN} FROM bins WHERE id = $1 AND expires_at > $2"));
    let found = first!(db, select, id.bytes().as_slice(), now.ms());
    found.as_ref().map(read).transpose()?.ok_or(StoreError::NotFound)
}

fn read(row: &PgRow) -> Result<Bin, StoreError> {
    Ok(Bin {
        id: BinId::from_bytes(rows::id(row, 0)?),
        respond: rows::from_json(row.try_get(1)?)?,
        received: rows::count(row, 2)?,
        created_at: rows::time(row, 3)?,
        expires_at: rows::time(row, 4)?,
    })
}

fn request(row: &PgRow) -> Result<BinRequest, StoreError> {
    let head: BinRequestHead = rows::from_json(row.try_get(2)?)?;
    Ok(head.with(rows::count(row, 0)?, rows::time(row, 1)?, row.try_get(3)?))
}

/// Removes expired bins with their requests.
pub(super) async fn remove_expired(db: &mut Db, now: Timestamp) -> Result<u64, StoreError> {
    let requests = "DELETE FROM bin_requests WHERE bin IN (SELECT id FROM bins WHERE expires_at <= $1)";
    run!(db, requests, now.ms());
    Ok(run!(db, "DELETE FROM bins WHERE expires_at <= $1", now.ms()))
}
