//! Connects as RFC 8305 says: an address that does not answer at once costs a quarter of a second, not the attempt.

use std::{io, net::SocketAddr, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use gancho_model::ErrorKind;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};

use super::{Client, SendError, targets::Targets};
use crate::shortage;

/// How long an address may take before the next one is dialled beside it (RFC 8305 §5).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

impl Client {
    /// The first of the addresses that takes the connection.
    pub(super) async fn connect(&self, targets: &mut Targets<'_>) -> Result<TcpStream, SendError> {
        let mut dialling = FuturesUnordered::new();
        let (mut next_at, mut last) = (Instant::now(), None);
        loop {
            let idle = dialling.is_empty();
            if idle && !targets.are_waiting() && !targets.are_missing() {
                let dialled = targets.dialled();
                return Err(targets.failure(last.map(|error| unreachable(&error, dialled))));
            }
            tokio::select! {
                Some(connected) = dialling.next(), if !idle => match connected {
                    Ok(stream) => return Ok(stream),
                    Err(error) if shortage::is_ours(&error) => {
                        return Err(SendError::ours(format!("no connection for want of our own: {error}")));
                    }
                    Err(error) => {
                        last = Some(error);
                        next_at = Instant::now();
                    }
                },
                () = sleep_until(next_at), if targets.are_waiting() => {
                    dialling.extend(targets.take().map(|address| self.dial_one(address)));
                    next_at = Instant::now() + ATTEMPT_DELAY;
                }
                () = targets.more(), if targets.are_missing() => {}
            }
        }
    }

    /// Where there is no descriptor left, idle connections of our own are closed for the new one.
    async fn dial_one(&self, address: SocketAddr) -> io::Result<TcpStream> {
        match TcpStream::connect(address).await {
            Err(error) if shortage::is_ours(&error) && self.pool.clear() => TcpStream::connect(address).await,
            result => result,
        }
    }
}

fn unreachable(error: &io::Error, dialled: usize) -> SendError {
    let of = if dialled > 1 { format!(", the last of {dialled} addresses") } else { String::new() };
    SendError::new(ErrorKind::Connect, format!("no connection: {}{of}", error.kind()))
}
