//! What a node tells the others after its commits: that there is news, what is due for endpoints that it does not serve,
//! and what was cancelled. The others would find out by themselves, a little later.
//!
//! It rings at most every 20 ms, beside the transactions and not in them: a commit with a NOTIFY takes a lock of the whole
//! cluster (<https://www.postgresql.org/docs/current/sql-notify.html>).

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gancho_model::{DeliveryId, EndpointId, NodeId, Priority};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, postgres::PgListener};
use tokio::sync::{Notify, mpsc};

/// What it is called in the database.
const CHANNEL: &str = "gancho";
/// The least time between two.
const PAUSE: Duration = Duration::from_millis(20);
/// What one says of endpoints at most: PostgreSQL takes 8000 bytes.
const NAMED_MAX: usize = 60;

/// What is told at once.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ring {
    /// Who rings.
    pub from: Option<NodeId>,
    /// Queues in which something is due: an endpoint, and the number of its lane.
    #[serde(default)]
    pub due: BTreeSet<(EndpointId, u8)>,
    /// Endpoints that a node gave up, by number.
    #[serde(default)]
    pub freed: BTreeSet<i64>,
    /// Deliveries that are not to be sent any more.
    #[serde(default)]
    pub forget: Vec<(EndpointId, DeliveryId)>,
    /// There is more than could be named.
    #[serde(default)]
    pub more: bool,
}

impl Ring {
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.freed.is_empty() && self.forget.is_empty() && !self.more
    }

    pub fn add_due(&mut self, endpoint: EndpointId, lane: Priority) {
        if self.due.len() < NAMED_MAX {
            self.due.insert((endpoint, lane as u8));
        } else {
            self.more = true;
        }
    }

    /// Whatever waits for it is due with whoever takes it.
    pub fn add_freed(&mut self, endpoint: i64) {
        if self.freed.len() < NAMED_MAX {
            self.freed.insert(endpoint);
        } else {
            self.more = true;
        }
    }

    pub fn add_forgotten(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if self.forget.len() < NAMED_MAX {
            self.forget.push((endpoint, delivery));
        }
    }

    /// Both at once.
    fn join(&mut self, other: Self) {
        self.from = other.from;
        self.more |= other.more;
        other.due.into_iter().for_each(|(endpoint, lane)| match Priority::ALL.get(usize::from(lane)) {
            Some(lane) => self.add_due(endpoint, *lane),
            None => self.more = true,
        });
        other.freed.into_iter().for_each(|endpoint| self.add_freed(endpoint));
        other.forget.into_iter().for_each(|(endpoint, delivery)| self.add_forgotten(endpoint, delivery));
    }
}

/// Gathers what is to be told.
#[derive(Default)]
pub(super) struct Bell {
    waiting: Mutex<Option<Ring>>,
    wake: Notify,
}

impl Bell {
    pub fn ring(&self, ring: Ring) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get_or_insert_default().join(ring);
        drop(waiting);
        self.wake.notify_one();
    }

    fn take(&self) -> Option<Ring> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells the others, as long as the store is there. What can't be told is lost: they look by themselves.
pub(super) async fn keep_ringing(bell: Weak<Bell>, pool: PgPool) {
    while let Some(bell) = bell.upgrade() {
        let _ = tokio::time::timeout(Duration::from_secs(1), bell.wake.notified()).await;
        if let Some(ring) = bell.take().and_then(|ring| serde_json::to_string(&ring).ok()) {
            if let Err(error) = tell(&pool, &ring).await {
                tracing::debug!(%error, "other nodes could not be told of news");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn tell(pool: &PgPool, ring: &str) -> Result<(), sqlx::Error> {
    let mut db = pool.begin().await?;
    // There is nothing to be flushed: a ring that is lost is no loss.
    run!(db, "SET LOCAL synchronous_commit = off");
    run!(db, "SELECT pg_notify($1, $2)", CHANNEL, ring);
    db.commit().await
}

/// Hears what other nodes tell.
pub(super) struct Ear {
    rings: mpsc::Receiver<Ring>,
    hears: Arc<AtomicBool>,
}

/// The wait before it is tried again to listen.
const DEAF_WAIT: Duration = Duration::from_secs(5);
/// Rings that may wait to be looked at.
const RINGS_MAX: usize = 64;

impl Ear {
    /// Listens, as long as this is there.
    pub fn open(pool: PgPool, node: NodeId) -> Self {
        let (sender, rings) = mpsc::channel(RINGS_MAX);
        let hears = Arc::<AtomicBool>::default();
        let noted = hears.clone();
        tokio::spawn(async move {
            while !sender.is_closed() {
                let ended = tokio::select! {
                    () = sender.closed() => return,
                    ended = listen(&pool, node, &sender, &noted) => ended,
                };
                noted.store(false, Ordering::Release);
                if let Err(error) = ended {
                    tracing::debug!(%error, "other nodes can't be heard; they are looked at meanwhile");
                }
                tokio::time::sleep(DEAF_WAIT).await;
            }
        });
        Self { rings, hears }
    }

    /// Whether it hears, so that looking often is not needed.
    pub fn hears(&self) -> bool {
        self.hears.load(Ordering::Acquire)
    }

    /// The next ring of another node.
    pub async fn next(&mut self) -> Ring {
        match self.rings.recv().await {
            Some(ring) => ring,
            None => std::future::pending().await,
        }
    }
}

/// Listens until the connection is lost.
async fn listen(
    pool: &PgPool,
    node: NodeId,
    rings: &mpsc::Sender<Ring>,
    hears: &AtomicBool,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // Through a pooler nothing may come: only who hears itself hears the others.
    let own = Ring { from: Some(node), ..Ring::default() };
    let own = serde_json::to_string(&own).unwrap_or_default();
    tell(pool, &own).await?;
    while let Some(told) = listener.try_recv().await? {
        if !hears.swap(true, Ordering::AcqRel) {
            // What was told before is looked for.
            let _ = rings.send(Ring { more: true, ..Ring::default() }).await;
        }
        // One that can't be read is of another version: there is news at least.
        let ring = serde_json::from_str(told.payload()).unwrap_or(Ring { more: true, ..Ring::default() });
        if ring.from != Some(node) && rings.send(ring).await.is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_ring_is_one_that_postgresql_takes() {
        let mut ring = Ring { from: Some(NodeId::from_bytes([255; 16])), ..Ring::default() };
        for n in 0..=255 {
            let (endpoint, delivery) = (EndpointId::from_bytes([n; 16]), DeliveryId::from_bytes([n; 16]));
            ring.add_due(endpoint, Priority::Live);
            ring.add_freed(i64::MAX - i64::from(n));
            ring.add_forgotten(endpoint, delivery);
        }
        assert!(ring.more, "what could not be named is looked for");
        let text = serde_json::to_string(&ring).expect("text");
        assert!(text.len() < 8000, "{}", text.len());
        let heard: Ring = serde_json::from_str(&text).expect("understood");
        assert_eq!((heard.due, heard.freed, heard.from), (ring.due, ring.freed, ring.from));
        assert!(serde_json::from_str::<Ring>("{}").expect("of an older version").is_empty());
    }
}
