//! The clock that nodes share: the database's. Each node's own counts from wherever it likes.

use gancho_model::{Health, Moment, MonoTime};

use super::Db;
use crate::{stored, stored::delivery::DeliveryReader, vault::Vault};

/// What the database's clock is ahead of this node's, milliseconds; 0 where a node is alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SharedClock {
    ahead_ms: i64,
}

impl SharedClock {
    /// Compares both.
    pub async fn read(db: &mut Db, own: MonoTime) -> Result<Self, sqlx::Error> {
        let select = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
        let shared: i64 = sqlx::query_scalar(select).fetch_one(db).await?;
        Ok(Self { ahead_ms: shared - own.ms() })
    }

    /// A time of this node's, as it is kept.
    pub fn kept(self, own: MonoTime) -> i64 {
        own.ms().saturating_add(self.ahead_ms)
    }

    /// A time that is kept, as this node counts.
    pub fn own(self, kept: i64) -> MonoTime {
        MonoTime::from_ms(kept.saturating_sub(self.ahead_ms))
    }

    /// The same of an endpoint's health.
    pub fn kept_health(self, health: Health) -> Health {
        stored::shifted(health, self.ahead_ms)
    }

    /// And back.
    pub fn own_health(self, health: Health) -> Health {
        stored::shifted(health, -self.ahead_ms)
    }

    /// What reads deliveries that are kept by this clock.
    pub fn reading(self, vault: &Vault, now: Moment) -> DeliveryReader<'_> {
        DeliveryReader::new(vault, now).with_clock_ahead(self.ahead_ms)
    }
}
