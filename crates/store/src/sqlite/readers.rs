use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::StoreError;

/// Read-only connections, so that a slow list does not block the writer.
const READERS: usize = 3;

pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    free: Arc<Semaphore>,
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
        Ok(Self { idle: Mutex::new(idle), free: Arc::new(Semaphore::new(READERS)) })
    }

    pub async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = |_| StoreError::Busy("it is closing".into());
        let place = self.free.clone().acquire_owned().await.map_err(|_| StoreError::Busy("it is closing".into()))?;
        let readers = self.clone();
        let job = tokio::task::spawn_blocking(move || {
            // The permit is held with the connection: the caller may stop waiting meanwhile.
            let _place = place;
            let idle = || readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = idle().pop();
            // Each permit stands for a connection, unless a panic lost one.
            let Some(db) = taken else { return Err(StoreError::Broken("a reader was lost".into())) };
            // One snapshot for all queries of the job.
            let result = db.unchecked_transaction().map_err(StoreError::from).and_then(|_picture| work(&db));
            idle().push(db);
            result
        });
        job.await.map_err(gone)?
    }
}
