//! Messages between nodes over LISTEN/NOTIFY: something changed, deliveries are due for endpoints that another node serves,
//! deliveries were cancelled. Nodes also poll, so a lost message costs half a second.
//!
//! A node publishes at most every 20 ms, outside of the writer's transactions: a commit with a NOTIFY takes a lock of the
//! whole cluster (<https://www.postgresql.org/docs/current/sql-notify.html>).

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

/// The channel's name in PostgreSQL.
const CHANNEL: &str = "gancho";
/// Minimum interval between two messages of a node.
const PAUSE: Duration = Duration::from_millis(20);
/// Maximum entries of each list: a notification holds 8000 bytes.
const NAMED_MAX: usize = 60;

/// A message from one node to the others.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct NodeMessage {
    /// The sender.
    pub from: Option<NodeId>,
    /// Queues with a due delivery: an endpoint and the number of its lane.
    #[serde(default)]
    pub due: BTreeSet<(EndpointId, u8)>,
    /// Endpoints that the sender no longer serves, by number.
    #[serde(default)]
    pub released: BTreeSet<i64>,
    /// Cancelled deliveries, which a node may hold in memory.
    #[serde(default)]
    pub cancelled: Vec<(EndpointId, DeliveryId)>,
    /// Not everything fitted: receivers query the database for due deliveries.
    #[serde(default)]
    pub truncated: bool,
}

impl NodeMessage {
    pub fn is_empty(&self) -> bool {
        self.due.is_empty() && self.released.is_empty() && self.cancelled.is_empty() && !self.truncated
    }

    pub fn add_due(&mut self, endpoint: EndpointId, lane: Priority) {
        if self.due.len() < NAMED_MAX {
            self.due.insert((endpoint, lane as u8));
        } else {
            self.truncated = true;
        }
    }

    /// The endpoint may be served by another node from now on.
    pub fn add_released(&mut self, endpoint: i64) {
        if self.released.len() < NAMED_MAX {
            self.released.insert(endpoint);
        } else {
            self.truncated = true;
        }
    }

    pub fn add_cancelled(&mut self, endpoint: EndpointId, delivery: DeliveryId) {
        if self.cancelled.len() < NAMED_MAX {
            self.cancelled.push((endpoint, delivery));
        }
    }

    /// Adds the entries of another message.
    fn merge(&mut self, other: Self) {
        self.from = other.from;
        self.truncated |= other.truncated;
        other.due.into_iter().for_each(|(endpoint, lane)| match Priority::ALL.get(usize::from(lane)) {
            Some(lane) => self.add_due(endpoint, *lane),
            None => self.truncated = true,
        });
        other.released.into_iter().for_each(|endpoint| self.add_released(endpoint));
        other.cancelled.into_iter().for_each(|(endpoint, delivery)| self.add_cancelled(endpoint, delivery));
    }
}

/// Collects changes until the next message is sent.
#[derive(Default)]
pub(super) struct Broadcaster {
    waiting: Mutex<Option<NodeMessage>>,
    wake: Notify,
}

impl Broadcaster {
    pub fn send(&self, message: NodeMessage) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get_or_insert_default().merge(message);
        drop(waiting);
        self.wake.notify_one();
    }

    fn take(&self) -> Option<NodeMessage> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Sends collected changes until the store is dropped. A message that can't be sent is dropped: nodes also poll.
pub(super) async fn run_broadcaster(broadcaster: Weak<Broadcaster>, pool: PgPool) {
    while let Some(broadcaster) = broadcaster.upgrade() {
        let _ = tokio::time::timeout(Duration::from_secs(1), broadcaster.wake.notified()).await;
        if let Some(message) = broadcaster.take().and_then(|message| serde_json::to_string(&message).ok()) {
            if let Err(error) = publish(&pool, &message).await {
                tracing::debug!(%error, "a message to the other nodes could not be sent");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn publish(pool: &PgPool, message: &str) -> Result<(), sqlx::Error> {
    let mut db = pool.begin().await?;
    // A lost message costs half a second, so its commit is not flushed.
    run!(db, "SET LOCAL synchronous_commit = off");
    run!(db, "SELECT pg_notify($1, $2)", CHANNEL, message);
    db.commit().await
}

/// Receives the messages of other nodes.
pub(super) struct Subscriber {
    messages: mpsc::Receiver<NodeMessage>,
    is_listening: Arc<AtomicBool>,
}

/// Wait before listening again after an error.
const RECONNECT_WAIT: Duration = Duration::from_secs(5);
/// Maximum messages that wait to be applied.
const MESSAGES_MAX: usize = 64;

impl Subscriber {
    /// Listens in a task of its own until this is dropped.
    pub fn open(pool: PgPool, node: NodeId) -> Self {
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let is_listening = Arc::<AtomicBool>::default();
        let noted = is_listening.clone();
        tokio::spawn(async move {
            while !sender.is_closed() {
                let ended = tokio::select! {
                    () = sender.closed() => return,
                    ended = listen(&pool, node, &sender, &noted) => ended,
                };
                noted.store(false, Ordering::Release);
                if let Err(error) = ended {
                    tracing::debug!(%error, "LISTEN failed; changes by other nodes are polled meanwhile");
                }
                tokio::time::sleep(RECONNECT_WAIT).await;
            }
        });
        Self { messages, is_listening }
    }

    /// Whether messages arrive; if not, due deliveries must be polled.
    pub fn is_listening(&self) -> bool {
        self.is_listening.load(Ordering::Acquire)
    }

    /// The next message of another node.
    pub async fn next(&mut self) -> NodeMessage {
        match self.messages.recv().await {
            Some(message) => message,
            None => std::future::pending().await,
        }
    }
}

/// Listens until the connection is lost.
async fn listen(
    pool: &PgPool,
    node: NodeId,
    messages: &mpsc::Sender<NodeMessage>,
    is_listening: &AtomicBool,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    // Behind a pooler LISTEN succeeds but nothing arrives: receiving our own message proves that it works.
    let own = NodeMessage { from: Some(node), ..NodeMessage::default() };
    let own = serde_json::to_string(&own).unwrap_or_default();
    publish(pool, &own).await?;
    while let Some(notification) = listener.try_recv().await? {
        if !is_listening.swap(true, Ordering::AcqRel) {
            // Query once for what was published before.
            let _ = messages.send(NodeMessage { truncated: true, ..NodeMessage::default() }).await;
        }
        // An unreadable message comes from another version: query the database instead.
        let message = serde_json::from_str(notification.payload())
            .unwrap_or(NodeMessage { truncated: true, ..NodeMessage::default() });
        if message.from != Some(node) && messages.send(message).await.is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_message_fits_into_a_notification() {
        let mut message = NodeMessage { from: Some(NodeId::from_bytes([255; 16])), ..NodeMessage::default() };
        for n in 0..=255 {
            let (endpoint, delivery) = (EndpointId::from_bytes([n; 16]), DeliveryId::from_bytes([n; 16]));
            message.add_due(endpoint, Priority::Live);
            message.add_released(i64::MAX - i64::from(n));
            message.add_cancelled(endpoint, delivery);
        }
        assert!(message.truncated, "receivers query for what did not fit");
        let text = serde_json::to_string(&message).expect("text");
        assert!(text.len() < 8000, "{}", text.len());
        let received: NodeMessage = serde_json::from_str(&text).expect("understood");
        assert_eq!((received.due, received.released, received.from), (message.due, message.released, message.from));
        assert!(serde_json::from_str::<NodeMessage>("{}").expect("of an older version").is_empty());
    }
}
