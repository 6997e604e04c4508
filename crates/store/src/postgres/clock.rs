//! The clock that nodes share is the database's; the epoch of each node's own monotonic clock is arbitrary.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use gancho_model::{Clock, Health, Moment, MonoTime};

use super::Db;
use crate::{stored, stored::delivery::DeliveryReader, vault::Vault};

/// Tolerated difference, milliseconds: clocks drift by seconds in a week, and measuring takes some milliseconds.
const DRIFT_MS: i64 = 250;
/// How long the previous difference stays valid at least, milliseconds: no lease is longer, and leases are found by
/// their end.
const SET_EVERY_MS: i64 = 15 * 60_000;

/// How far the database's clock is ahead of this node's, milliseconds; 0 for a single node. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedClock {
    ahead_ms: Arc<AtomicI64>,
    /// The previous difference.
    before_ms: Arc<AtomicI64>,
    /// Time of the last change, by this node's clock.
    set_at_ms: Arc<AtomicI64>,
    is_shared: bool,
}

impl SharedClock {
    /// Measures the difference.
    pub async fn read(db: &mut Db, own: &dyn Clock) -> Result<Self, sqlx::Error> {
        let ahead_ms = ahead_ms(db, own).await?.0;
        let shared = || Arc::new(AtomicI64::new(ahead_ms));
        let set_at_ms = Arc::new(own.mono().ms().into());
        Ok(Self { ahead_ms: shared(), before_ms: shared(), set_at_ms, is_shared: true })
    }

    /// Measures it again, and adopts it if it exceeds the tolerance.
    pub async fn follow(&self, db: &mut Db, own: &dyn Clock) -> Result<(), sqlx::Error> {
        let now_ms = own.mono().ms();
        if !self.is_shared || now_ms - self.set_at_ms.load(Ordering::Acquire) < SET_EVERY_MS {
            return Ok(());
        }
        let (measured, took_ms) = ahead_ms(db, own).await?;
        let by_ms = measured - self.ahead();
        if took_ms < DRIFT_MS && by_ms.abs() >= DRIFT_MS {
            tracing::info!(by_ms, "plans and leases follow the clock of the database");
            self.before_ms.store(self.ahead(), Ordering::Release);
            self.ahead_ms.store(measured, Ordering::Release);
            self.set_at_ms.store(now_ms, Ordering::Release);
        }
        Ok(())
    }

    fn ahead(&self) -> i64 {
        self.ahead_ms.load(Ordering::Acquire)
    }

    /// Converts a time of this node to stored time.
    pub fn kept(&self, own: MonoTime) -> i64 {
        own.ms().saturating_add(self.ahead())
    }

    /// The stored forms of a lease's end: the lease may have begun before the last adjustment.
    pub fn kept_ends(&self, own: MonoTime) -> Vec<i64> {
        vec![self.kept(own), own.ms().saturating_add(self.before_ms.load(Ordering::Acquire))]
    }

    /// Converts a stored time to this node's time.
    pub fn own(&self, kept: i64) -> MonoTime {
        MonoTime::from_ms(kept.saturating_sub(self.ahead()))
    }

    /// Converts an endpoint's health to stored time.
    pub fn kept_health(&self, health: Health) -> Health {
        stored::shifted(health, self.ahead())
    }

    /// Converts an endpoint's health to this node's time.
    pub fn own_health(&self, health: Health) -> Health {
        stored::shifted(health, -self.ahead())
    }

    /// A reader of deliveries stored by this clock.
    pub fn reading<'a>(&self, vault: &'a Vault, now: Moment) -> DeliveryReader<'a> {
        DeliveryReader::new(vault, now).with_clock_ahead(self.ahead())
    }
}

/// How far the database's clock is ahead of this node's, and the round trip of the query; milliseconds.
async fn ahead_ms(db: &mut Db, own: &dyn Clock) -> Result<(i64, i64), sqlx::Error> {
    let select = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let asked = own.mono();
    let shared = scalar!(db, i64, select).unwrap_or_default();
    let took_ms = own.mono().since_ms(asked);
    Ok((shared - asked.ms() - took_ms / 2, took_ms))
}
