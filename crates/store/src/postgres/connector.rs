//! Where the database is, and who may work on it.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::{Db, OpenError, schema};
use crate::StoreError;

/// Held by the node that works alone: `gano`.
const ALONE: i64 = 0x6761_6e6f;
/// How often it is tried to work alone, and with what pause: the connection of a process that died is gone soon.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// The database, as a writer connects to it.
pub(super) struct Connector {
    pub address: PgConnectOptions,
    pub is_alone: bool,
}

impl Connector {
    /// Connects for the first time, and waits a little for a node that is just ending.
    pub async fn connect_first(&self) -> Result<Db, OpenError> {
        let mut db = schema::connect(&self.address).await?;
        for _ in 0..TRIES {
            if self.may_work(&mut db).await? {
                return Ok(db);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(OpenError::Taken)
    }

    /// Connects again after a connection was lost.
    pub async fn connect_again(&self) -> Result<Db, StoreError> {
        let mut db = schema::connect(&self.address).await?;
        if self.may_work(&mut db).await? {
            Ok(db)
        } else {
            Err(StoreError::Busy("another node has taken the database meanwhile".into()))
        }
    }

    /// As long as the connection lasts.
    async fn may_work(&self, db: &mut Db) -> Result<bool, sqlx::Error> {
        if !self.is_alone {
            return Ok(true);
        }
        sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(ALONE).fetch_one(db).await
    }
}
