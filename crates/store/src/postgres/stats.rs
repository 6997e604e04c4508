//! Counts by endpoint and hour.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{Counters, EndpointId, HourlyStats, Timestamp};
use sqlx::Row as _;

use super::{
    Db, PostgresStore, rows,
    rows::{FAILED, TEST},
};
use crate::{FAILED_MAX, Stats, StoreError, stored::HOUR_MS};

#[async_trait]
impl Stats for PostgresStore {
    async fn hours(&self, since: Timestamp) -> Result<Vec<HourlyStats>, StoreError> {
        let mut db = self.read().await?;
        let select = "SELECT p.id, h.hour, h.delivered, h.retried, h.failed, h.classes \
            FROM hours h JOIN endpoints p ON p.n = h.endpoint WHERE h.hour >= $1";
        let found = all!(db, select, since.ms().div_euclid(HOUR_MS));
        found.iter().map(hourly).collect()
    }

    async fn failed_since(&self, since: Timestamp) -> Result<HashMap<EndpointId, u64>, StoreError> {
        let mut db = self.read().await?;
        let select = formatcp!(
            "SELECT p.id, count(*) FROM (SELECT endpoint FROM deliveries WHERE state = {FAILED} AND lane < {TEST} \
            AND created_at >= $1 LIMIT {FAILED_MAX}) d JOIN endpoints p ON p.n = d.endpoint GROUP BY p.id"
        );
        let found = all!(db, select, since.ms());
        found.iter().map(|row| Ok((EndpointId::from_bytes(rows::id(row, 0)?), rows::count(row, 1)?))).collect()
    }
}

fn hourly(row: &sqlx::postgres::PgRow) -> Result<HourlyStats, StoreError> {
    let (delivered, retried, failed) = (rows::count(row, 2)?, rows::count(row, 3)?, rows::count(row, 4)?);
    let mut counters = Counters { delivered, retried, failed, ..Counters::default() };
    let classes: Vec<i64> = row.try_get(5)?;
    for (class, kept) in counters.classes.iter_mut().zip(classes) {
        *class = kept.unsigned_abs();
    }
    Ok(HourlyStats { endpoint: EndpointId::from_bytes(rows::id(row, 0)?), hour: row.try_get(1)?, counters })
}

/// Adds a transaction's counts.
pub(super) async fn add(db: &mut Db, hours: &BTreeMap<(i64, i64), Counters>) -> Result<(), StoreError> {
    let upsert = "INSERT INTO hours VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (endpoint, hour) DO UPDATE SET delivered = hours.delivered + $3, retried = hours.retried + $4, \
        failed = hours.failed + $5, classes = ARRAY(SELECT o + m FROM unnest(hours.classes, $6) \
        WITH ORDINALITY AS both_of (o, m, place) ORDER BY place)";
    for ((endpoint, hour), counters) in hours {
        let classes: Vec<i64> = counters.classes.iter().map(|class| class.cast_signed()).collect();
        let counts = [counters.delivered, counters.retried, counters.failed].map(u64::cast_signed);
        run!(db, upsert, endpoint, hour, counts[0], counts[1], counts[2], classes);
    }
    Ok(())
}
