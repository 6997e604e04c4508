//! Connects according to RFC 8305: an address that does not respond delays the attempt by 250 ms instead of failing it.

use std::{collections::VecDeque, io, net::SocketAddr, time::Duration};

use futures_util::{
    StreamExt,
    future::{AbortHandle, abortable},
    stream::FuturesUnordered,
};
use gancho_model::ErrorKind;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep, sleep_until, timeout},
};

use super::{Client, SendError, targets::Targets};
use crate::shortage;

/// Delay before the next address is dialled in parallel (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// How long to wait for a family's missing answer after all addresses of the other have failed.
pub(super) const LATE_ANSWER: Duration = Duration::from_millis(500);
/// Maximum concurrent dials, as each uses a descriptor; the oldest is dropped.
const DIALLING_MAX: usize = 8;

/// Connection failures, by which to report.
#[derive(Default)]
struct Failures {
    /// Caused by a resource that this machine lacks.
    ours: Option<io::Error>,
    last: Option<io::Error>,
}

impl Client {
    /// The first address that accepts the connection within the connect timeout.
    pub(super) async fn connect(&self, targets: &mut Targets<'_>) -> Result<TcpStream, SendError> {
        let limit = Duration::from_millis(self.options.connect_ms.into());
        let mut failures = Failures::default();
        match timeout(limit, self.first_of(targets, &mut failures)).await {
            Ok(Some(stream)) => Ok(stream),
            Ok(None) => Err(failures.message(targets)),
            Err(_) if failures.ours.is_some() => Err(failures.message(targets)),
            Err(_) => Err(SendError::new(ErrorKind::Timeout, "no connection within the time limit for connecting")),
        }
    }

    async fn first_of(&self, targets: &mut Targets<'_>, failures: &mut Failures) -> Option<TcpStream> {
        let (mut dialling, mut handles) = (FuturesUnordered::new(), VecDeque::new());
        let mut next_at = Instant::now();
        loop {
            if dialling.is_empty() && !targets.are_waiting() {
                timeout(LATE_ANSWER, targets.more()).await.ok().filter(|()| targets.are_waiting())?;
                continue;
            }
            tokio::select! {
                Some(ended) = dialling.next(), if !dialling.is_empty() => {
                    let Ok((address, connected)) = ended else { continue };
                    match connected {
                        Ok(stream) => return Some(stream),
                        Err(error) => failures.note(address, error),
                    }
                    next_at = Instant::now();
                }
                () = sleep_until(next_at), if targets.are_waiting() => {
                    let (dial, handle) = abortable(self.dial_one(targets.take()?));
                    dialling.push(dial);
                    handles.push_back(handle);
                    if dialling.len() > DIALLING_MAX {
                        handles.pop_front().iter().for_each(AbortHandle::abort);
                    }
                    next_at = Instant::now() + ATTEMPT_DELAY;
                }
                () = targets.more(), if targets.are_missing() => {}
            }
        }
    }

    /// If no descriptors are left, closes idle connections to free some.
    async fn dial_one(&self, address: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
        match TcpStream::connect(address).await {
            Err(error) if shortage::is_ours(&error) && self.pool.clear() => {
                // The tasks that drive them close them.
                sleep(Duration::from_millis(5)).await;
                (address, TcpStream::connect(address).await)
            }
            result => (address, result),
        }
    }
}

impl Failures {
    fn note(&mut self, address: SocketAddr, error: io::Error) {
        let ours = shortage::is_ours_to(address, &error);
        *(if ours { &mut self.ours } else { &mut self.last }) = Some(error);
    }

    fn message(self, targets: &mut Targets<'_>) -> SendError {
        if let Some(error) = self.ours {
            return SendError::ours(format!("no connection for want of our own: {error}"));
        }
        let dialled = targets.dialled();
        targets.failure(self.last.map(|error| unreachable(&error, dialled)))
    }
}

fn unreachable(error: &io::Error, dialled: usize) -> SendError {
    let of = if dialled > 1 { format!(", the last of {dialled} addresses") } else { String::new() };
    SendError::new(ErrorKind::Connect, format!("no connection: {}{of}", error.kind()))
}
