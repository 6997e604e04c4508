//! Bins and their requests.

use async_trait::async_trait;
use gancho_model::{
    Bin, BinId, BinRequest, Message, Timestamp,
    limits::{BIN_REQUESTS_MAX, BINS_MAX},
};
use rusqlite::{Connection, Row, params};

use super::{SqliteStore, rows};
use crate::{Bins, StoreError, stored::BinRequestHead};

const BIN: &str = "id, respond, received, created_at, expires_at";

#[async_trait]
impl Bins for SqliteStore {
    async fn add_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            remove_expired(&context.db, now)?;
            let count: i64 = context.db.query_row("SELECT count(*) FROM bins", [], |row| row.get(0))?;
            if count >= BINS_MAX {
                return Err(StoreError::Conflict(Message::new("conflict-bins").with("max", BINS_MAX)));
            }
            let insert = "INSERT INTO bins VALUES (?1, ?2, 0, ?3, ?4)";
            let respond = rows::to_json(&bin.respond);
            let params = params![bin.id.bytes(), respond, bin.created_at.ms(), bin.expires_at.ms()];
            context.db.execute(insert, params)?;
            Ok(())
        })
        .await
    }

    async fn bin(&self, id: BinId, now: Timestamp) -> Result<Bin, StoreError> {
        self.read_now(move |db| one(db, id, now)).await
    }

    async fn bins(&self, now: Timestamp) -> Result<Vec<Bin>, StoreError> {
        self.read_now(move |db| {
            let mut select =
                db.prepare_cached(&format!("SELECT {BIN} FROM bins WHERE expires_at > ?1 ORDER BY id DESC"))?;
            let mut found = select.query([now.ms()])?;
            let mut bins = vec![];
            while let Some(row) = found.next()? {
                bins.push(read(row)?);
            }
            Ok(bins)
        })
        .await
    }

    async fn save_bin(&self, bin: Bin, now: Timestamp) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            one(&context.db, bin.id, now)?;
            let update = "UPDATE bins SET respond = ?2, expires_at = ?3 WHERE id = ?1";
            context.db.execute(update, params![bin.id.bytes(), rows::to_json(&bin.respond), bin.expires_at.ms()])?;
            Ok(())
        })
        .await
    }

    async fn remove_bin(&self, id: BinId) -> Result<(), StoreError> {
        self.write_now(true, move |context| {
            context.db.execute("DELETE FROM bin_requests WHERE bin = ?1", [id.bytes()])?;
            match context.db.execute("DELETE FROM bins WHERE id = ?1", [id.bytes()])? {
                0 => Err(StoreError::NotFound),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn keep_request(&self, id: BinId, request: BinRequest) -> Result<(Bin, u64), StoreError> {
        self.write_now(false, move |context| {
            let bin = one(&context.db, id, request.at)?;
            let count = "UPDATE bins SET received = received + 1 WHERE id = ?1 RETURNING received";
            let n: i64 = context.db.prepare_cached(count)?.query_row([id.bytes()], |row| row.get(0))?;
            let head = BinRequestHead::of(&request);
            let insert = "INSERT INTO bin_requests VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![id.bytes(), n, request.at.ms(), rows::to_json(&head), request.body];
            context.db.prepare_cached(insert)?.execute(values)?;
            let forget = "DELETE FROM bin_requests WHERE bin = ?1 AND n <= ?2";
            context.db.prepare_cached(forget)?.execute(params![id.bytes(), n - BIN_REQUESTS_MAX])?;
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
        self.read_now(move |db| {
            one(db, id, now)?;
            let select = "SELECT n, at, head, body FROM bin_requests WHERE bin = ?1 AND n > ?2 ORDER BY n LIMIT ?3";
            let mut select = db.prepare_cached(select)?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let mut found = select.query(params![id.bytes(), after, limit as i64])?;
            let mut requests = vec![];
            while let Some(row) = found.next()? {
                requests.push(request(row)?);
            }
            Ok(requests)
        })
        .await
    }
}

fn one(db: &Connection, id: BinId, now: Timestamp) -> Result<Bin, StoreError> {
    let mut select = db.prepare_cached(&format!("SELECT {BIN} FROM bins WHERE id = ?1 AND expires_at > ?2"))?;
    let mut found = select.query(params![id.bytes(), now.ms()])?;
    found.next()?.map(read).transpose()?.ok_or(StoreError::NotFound)
}

fn read(row: &Row<'_>) -> Result<Bin, StoreError> {
    Ok(Bin {
        id: BinId::from_bytes(row.get(0)?),
        respond: rows::from_json(&row.get::<_, String>(1)?)?,
        received: row.get::<_, i64>(2)?.unsigned_abs(),
        created_at: Timestamp::from_ms(row.get(3)?),
        expires_at: Timestamp::from_ms(row.get(4)?),
    })
}

fn request(row: &Row<'_>) -> Result<BinRequest, StoreError> {
    let head: BinRequestHead = rows::from_json(&row.get::<_, String>(2)?)?;
    Ok(head.with(row.get::<_, i64>(0)?.unsigned_abs(), Timestamp::from_ms(row.get(1)?), row.get(3)?))
}

/// Removes expired bins with their requests.
pub(super) fn remove_expired(db: &Connection, now: Timestamp) -> Result<u64, StoreError> {
    let requests = "DELETE FROM bin_requests WHERE bin IN (SELECT id FROM bins WHERE expires_at <= ?1)";
    db.prepare_cached(requests)?.execute([now.ms()])?;
    Ok(db.prepare_cached("DELETE FROM bins WHERE expires_at <= ?1")?.execute([now.ms()])? as u64)
}
