//! The feed's numbers. They follow from the events; `meta` keeps those of dropped events.

use sqlx::Row as _;

use super::Db;
use crate::{StoreError, stored};

/// Values that every accepted event needs, as of the transaction that locked them.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// The feed's last number.
    pub last: i64,
    /// The version of endpoints that plans of deliveries must be based on.
    pub plan_version: u64,
}

/// The feed's last number, including dropped events.
pub(super) const LAST: &str =
    "SELECT greatest((SELECT value FROM meta WHERE name = 'sequence'), (SELECT max(n) FROM events))";

/// The lowest number outside the feed, as above.
const LOWEST: &str = "SELECT least((SELECT value FROM meta WHERE name = 'off_feed'), (SELECT min(n) FROM events))";

/// Saves them before events are dropped.
pub(super) const KEEP: &str = "UPDATE meta SET value = greatest(value, (SELECT max(n) FROM events)) WHERE name = 'sequence'; \
    UPDATE meta SET value = least(value, (SELECT min(n) FROM events)) WHERE name = 'off_feed'";

/// Locks them until the transaction ends: other nodes wait.
pub(super) async fn lock_numbers(db: &mut Db) -> Result<Numbers, StoreError> {
    let row = first!(db, "SELECT plan_version, last FROM lock_feed()");
    let row = row.ok_or_else(|| stored::damaged("the feed's last number"))?;
    Ok(Numbers { last: row.try_get(1)?, plan_version: row.try_get::<i64, _>(0)?.unsigned_abs() })
}

/// The lowest number outside the feed; call it with the numbers locked.
pub(super) async fn lowest_number(db: &mut Db) -> Result<i64, StoreError> {
    scalar!(db, i64, LOWEST).ok_or_else(|| stored::damaged("the lowest number"))
}
