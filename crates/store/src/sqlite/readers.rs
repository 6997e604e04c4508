use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::StoreError;

/// Read-only connections: a slow list never holds the writer up.
const READERS: usize = 3;

pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    free: Semaphore,
}

impl Readers {
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        let open = |_| {
            let db =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            db.busy_timeout(std::time::Duration::from_secs(5))?;
            db.set_prepared_statement_cache_capacity(64);
            db.pragma_update(None, "cache_size", -4096)?;
            Ok(db)
        };
        let idle = (0..READERS).map(open).collect::<rusqlite::Result<_>>()?;
        Ok(Self { idle: Mutex::new(idle), free: Semaphore::new(READERS) })
    }

    pub async fn read<T: Send + 'static>(
        self: &std::sync::Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = |_| StoreError::Busy("it is closing".into());
        let _place = self.free.acquire().await.map_err(|_| StoreError::Busy("it is closing".into()))?;
        let readers = self.clone();
        let job = tokio::task::spawn_blocking(move || {
            let idle = || readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = idle().pop();
            // A permit stands for a connection, unless a panic lost one.
            let Some(db) = taken else { return Err(StoreError::Broken("a reader was lost".into())) };
            let result = work(&db);
            idle().push(db);
            result
        });
        job.await.map_err(gone)?
    }
}
