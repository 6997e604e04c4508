//! Limits clients' connections: their number, their authentication, and which one to close when there are too many.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use gancho_web::auth::ClientConnection;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::descriptors::Budget;

/// All connections.
pub struct Connections {
    budget: Budget,
    began: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<ConnectionClient>>>,
}

/// One connection.
pub struct ConnectionClient {
    /// Its data for requests.
    pub shared: ClientConnection,
    /// Closes it.
    pub close: CancellationToken,
    /// Time of its last activity, milliseconds since the start.
    active_ms: AtomicU64,
}

impl Connections {
    pub fn new(budget: Budget) -> Arc<Self> {
        Arc::new(Self { budget, began: Instant::now(), next: AtomicU64::new(0), open: Mutex::default() })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<ConnectionClient>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Admits one more. If the limit is reached, the longest idle unauthenticated connection is closed; if all are
    /// authenticated, it is refused.
    pub fn admit(self: &Arc<Self>) -> Option<Place> {
        let mut open = self.open();
        let strangers = open.values().filter(|client| !client.shared.is_known()).count();
        if (strangers >= self.budget.strangers || open.len() >= self.budget.clients) && !close_one(&mut open) {
            return None;
        }
        let client = Arc::new(ConnectionClient {
            shared: ClientConnection::default(),
            close: CancellationToken::new(),
            active_ms: AtomicU64::new(self.now_ms()),
        });
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        open.insert(id, client.clone());
        Some(Place { connections: self.clone(), id, client })
    }

    /// Closes the longest idle unauthenticated connection, if any: no descriptors are left.
    pub fn make_room(&self) -> bool {
        close_one(&mut self.open())
    }
}

fn close_one(open: &mut HashMap<u64, Arc<ConnectionClient>>) -> bool {
    let strangers = open.iter().filter(|(_, client)| !client.shared.is_known());
    let silent = strangers.min_by_key(|(id, client)| (client.active_ms.load(Ordering::Relaxed), **id));
    let Some(id) = silent.map(|(id, _)| *id) else { return false };
    if let Some(client) = open.remove(&id) {
        client.close.cancel();
    }
    true
}

/// A connection's slot, freed when dropped.
pub struct Place {
    connections: Arc<Connections>,
    id: u64,
    /// The connection's data.
    pub client: Arc<ConnectionClient>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().remove(&self.id);
    }
}

/// A client's stream that records activity.
pub struct Noted {
    stream: TcpStream,
    place: Place,
}

impl Noted {
    pub fn new(stream: TcpStream, place: Place) -> Self {
        // Responses are small and should not wait for another segment. A failure only makes it slower.
        let _ = stream.set_nodelay(true);
        Self { stream, place }
    }

    /// The connection's data.
    pub fn client(&self) -> Arc<ConnectionClient> {
        self.place.client.clone()
    }

    fn note(&self) {
        self.place.client.active_ms.store(self.place.connections.now_ms(), Ordering::Relaxed);
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if self.place.client.shared.is_reset() {
            // If this fails, it is closed in the usual way.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Noted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.note();
        }
        read
    }
}

impl AsyncWrite for Noted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.note();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note();
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(strangers: usize, clients: usize) -> Arc<Connections> {
        Connections::new(Budget { strangers, clients, attempts: 1 })
    }

    fn active(place: &Place, ms: u64) {
        place.client.active_ms.store(ms, Ordering::Relaxed);
    }

    #[tokio::test]
    async fn the_stranger_that_was_silent_longest_goes() {
        let all = connections(3, 9);
        let places: Vec<Place> = (0..3).filter_map(|_| all.admit()).collect();
        [30, 10, 20].into_iter().zip(&places).for_each(|(ms, place)| active(place, ms));
        let fourth = all.admit().expect("there is a place for the new one");
        let closed: Vec<bool> = places.iter().map(|place| place.client.close.is_cancelled()).collect();
        assert_eq!((closed, fourth.client.close.is_cancelled()), (vec![false, true, false], false));
    }

    #[tokio::test]
    async fn who_is_known_stays() {
        let all = connections(2, 3);
        let known: Vec<Place> = (0..3).filter_map(|_| all.admit()).collect();
        let survivors = known.iter().filter(|place| !place.client.close.is_cancelled());
        survivors.for_each(|place| place.client.shared.make_known());
        let third = all.admit().expect("a place");
        third.client.shared.make_known();
        assert!(all.admit().is_none(), "all are known: there is no place");
        drop(third);
        assert!(all.admit().is_some(), "one went");
        assert!(!known[2].client.close.is_cancelled());
    }
}
