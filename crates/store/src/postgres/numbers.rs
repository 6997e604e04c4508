//! The numbers that every accepted event needs, asked for and written by one statement each.

use const_format::formatcp;

use super::Db;
use crate::{StoreError, stored};

/// What stands in `meta` of every event, as of the transaction that locked it.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// The feed's last number and the lowest one outside it.
    pub feed: (i64, i64),
    /// The version of endpoints that plans of deliveries must be made from.
    pub plan_version: u64,
}

/// Locks them: until the transaction ends, no other node gets them.
pub(super) async fn lock_numbers(db: &mut Db) -> Result<Numbers, StoreError> {
    let select =
        "SELECT value FROM meta WHERE name IN ('off_feed', 'plan_version', 'sequence') ORDER BY name FOR UPDATE";
    let values = column!(db, i64, select);
    let [lowest, plan_version, last] = values[..] else { return Err(stored::damaged("the feed's last number")) };
    Ok(Numbers { feed: (last, lowest), plan_version: plan_version.unsigned_abs() })
}

/// How many more deliveries wait, by endpoint, and the feed's numbers: one statement, where both changed.
pub(super) async fn write_numbers(
    db: &mut Db,
    (endpoints, more): (Vec<i64>, Vec<i64>),
    numbers: Option<(i64, i64)>,
) -> Result<(), StoreError> {
    const COUNT: &str = "UPDATE endpoints SET pending = pending + w.more \
        FROM unnest($1::bigint[], $2::bigint[]) AS w (n, more) WHERE endpoints.n = w.n";
    const SET: &str = "UPDATE meta SET value = CASE name WHEN 'sequence' THEN $3 ELSE $4 END \
        WHERE name IN ('sequence', 'off_feed')";
    match numbers {
        Some((last, lowest)) => {
            run!(db, formatcp!("WITH counted AS ({COUNT}) {SET}"), endpoints, more, last, lowest);
        }
        None if endpoints.is_empty() => {}
        None => {
            run!(db, COUNT, endpoints, more);
        }
    }
    Ok(())
}
