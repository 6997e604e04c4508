//! The clock that nodes share: the database's. Each node's own counts from wherever it likes.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use gancho_model::{Clock, Health, Moment, MonoTime};

use super::Db;
use crate::{stored, stored::delivery::DeliveryReader, vault::Vault};

/// Clocks wander apart, seconds in a week; but what a look takes is no difference between them, milliseconds.
const DRIFT_MS: i64 = 250;
/// How long a difference counts at least, milliseconds: no lease is longer, and each must be found by its end.
const SET_EVERY_MS: i64 = 15 * 60_000;

/// What the database's clock is ahead of this node's, milliseconds; 0 where a node is alone. Shared by its clones.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedClock {
    ahead_ms: Arc<AtomicI64>,
    /// The same before it was last set.
    before_ms: Arc<AtomicI64>,
    /// When that was, by this node's clock.
    set_at_ms: Arc<AtomicI64>,
    is_shared: bool,
}

impl SharedClock {
    /// Compares both.
    pub async fn read(db: &mut Db, own: &dyn Clock) -> Result<Self, sqlx::Error> {
        let ahead_ms = ahead_ms(db, own).await?.0;
        let shared = || Arc::new(AtomicI64::new(ahead_ms));
        let set_at_ms = Arc::new(own.mono().ms().into());
        Ok(Self { ahead_ms: shared(), before_ms: shared(), set_at_ms, is_shared: true })
    }

    /// Compares them again, and follows the database's where they have come apart.
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

    /// A time of this node's, as it is kept.
    pub fn kept(&self, own: MonoTime) -> i64 {
        own.ms().saturating_add(self.ahead())
    }

    /// The end of a lease, as it may be kept: it may have been given before the clock was set.
    pub fn kept_ends(&self, own: MonoTime) -> Vec<i64> {
        vec![self.kept(own), own.ms().saturating_add(self.before_ms.load(Ordering::Acquire))]
    }

    /// A time that is kept, as this node counts.
    pub fn own(&self, kept: i64) -> MonoTime {
        MonoTime::from_ms(kept.saturating_sub(self.ahead()))
    }

    /// The same of an endpoint's health.
    pub fn kept_health(&self, health: Health) -> Health {
        stored::shifted(health, self.ahead())
    }

    /// And back.
    pub fn own_health(&self, health: Health) -> Health {
        stored::shifted(health, -self.ahead())
    }

    /// What reads deliveries that are kept by this clock.
    pub fn reading<'a>(&self, vault: &'a Vault, now: Moment) -> DeliveryReader<'a> {
        DeliveryReader::new(vault, now).with_clock_ahead(self.ahead())
    }
}

/// What the database's clock is ahead of this node's, and how long it took to ask; milliseconds.
async fn ahead_ms(db: &mut Db, own: &dyn Clock) -> Result<(i64, i64), sqlx::Error> {
    let select = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    let asked = own.mono();
    let shared = scalar!(db, i64, select).unwrap_or_default();
    let took_ms = own.mono().since_ms(asked);
    Ok((shared - asked.ms() - took_ms / 2, took_ms))
}
