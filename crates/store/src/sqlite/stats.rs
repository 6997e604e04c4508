//! Counts by endpoint and hour.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use const_format::formatcp;
use gancho_model::{Counters, EndpointId, HourlyStats, Timestamp};
use rusqlite::{Connection, params_from_iter};

use super::{
    SqliteStore,
    rows::{FAILED, TEST},
    since::lowest_since,
};
use crate::{FAILED_MAX, Stats, StoreError, stored::HOUR_MS};

#[async_trait]
impl Stats for SqliteStore {
    async fn hours(&self, since: Timestamp) -> Result<Vec<HourlyStats>, StoreError> {
        self.read(move |db| {
            let select = "SELECT p.id, h.hour, h.delivered, h.retried, h.failed, t0, t1, t2, t3, t4, t5, t6, t7, t8, t9 \
                FROM hours h JOIN endpoints p ON p.n = h.endpoint WHERE h.hour >= ?1";
            let mut select = db.prepare_cached(select)?;
            let hours = select.query_map([since.ms().div_euclid(HOUR_MS)], |row| {
                let count = |column: usize| row.get::<_, i64>(column).map(i64::unsigned_abs);
                let mut counters =
                    Counters { delivered: count(2)?, retried: count(3)?, failed: count(4)?, ..Counters::default() };
                for (place, class) in counters.classes.iter_mut().enumerate() {
                    *class = count(5 + place)?;
                }
                Ok(HourlyStats { endpoint: EndpointId::from_bytes(row.get(0)?), hour: row.get(1)?, counters })
            })?;
            Ok(hours.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn failed_since(&self, since: Timestamp) -> Result<HashMap<EndpointId, u64>, StoreError> {
        self.read(move |db| failed_since(db, since)).await
    }
}

/// By the index of failed deliveries.
fn failed_since(db: &Connection, since: Timestamp) -> Result<HashMap<EndpointId, u64>, StoreError> {
    let Some(lowest) = lowest_since(db, "deliveries", since)? else { return Ok(HashMap::new()) };
    let select = formatcp!(
        "SELECT p.id, count(*) FROM (SELECT endpoint FROM deliveries WHERE state > 1 AND state = {FAILED} AND lane < {TEST} \
        AND n >= ?1 AND created_at >= ?2 \
        LIMIT {FAILED_MAX}) d \
        JOIN endpoints p ON p.n = d.endpoint GROUP BY p.id"
    );
    let mut select = db.prepare_cached(select)?;
    let counts = select.query_map((lowest, since.ms()), |row| {
        Ok((EndpointId::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    Ok(counts.collect::<rusqlite::Result<_>>()?)
}

/// Adds a transaction's counts.
pub(super) fn add(db: &Connection, hours: &BTreeMap<(i64, i64), Counters>) -> Result<(), StoreError> {
    let upsert = "INSERT INTO hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) \
        ON CONFLICT DO UPDATE SET delivered = delivered + ?3, retried = retried + ?4, failed = failed + ?5, \
        t0 = t0 + ?6, t1 = t1 + ?7, t2 = t2 + ?8, t3 = t3 + ?9, t4 = t4 + ?10, t5 = t5 + ?11, t6 = t6 + ?12, \
        t7 = t7 + ?13, t8 = t8 + ?14, t9 = t9 + ?15";
    for ((endpoint, hour), counters) in hours {
        let counts = [counters.delivered, counters.retried, counters.failed].into_iter().chain(counters.classes);
        let values = [*endpoint, *hour].into_iter().chain(counts.map(|count| count as i64));
        db.prepare_cached(upsert)?.execute(params_from_iter(values))?;
    }
    Ok(())
}
