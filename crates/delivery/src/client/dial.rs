use std::time::Duration;

use gancho_model::{
    ErrorKind, Phases,
    limits::{RESPONSE_HEADER_BYTES_MAX, RESPONSE_HEADERS_MAX},
};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, timeout},
};
use url::Url;

use super::{Client, SendError, pool::Sender};

impl Client {
    /// Resolves, checks, connects, agrees on TLS. Notes how long each took as it goes, so that a
    /// deadline that strikes in between still shows where.
    pub(super) async fn dial(&self, url: &Url, phases: &mut Phases) -> Result<Sender, SendError> {
        let began = Instant::now();
        let addresses = self.guard.addresses(url, &*self.book).await?;
        phases.dns_ms = matches!(url.host(), Some(url::Host::Domain(_))).then(|| millis(began));

        let limit = Duration::from_millis(self.options.connect_ms.into());
        let connecting = Instant::now();
        let late = || SendError::new(ErrorKind::Timeout, "no connection within the time limit for connecting");
        let connected = timeout(limit, async {
            let began = Instant::now();
            let mut last = None;
            for address in &addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok((stream, millis(began))),
                    Err(error) => last = Some(error),
                }
            }
            let why = last.map_or_else(|| "no address".to_owned(), |error| error.kind().to_string());
            Err(SendError::new(ErrorKind::Connect, format!("no connection: {why}")))
        });
        let (stream, connect_ms) = connected.await.map_err(|_| late())??;
        phases.connect_ms = Some(connect_ms);
        // A segment at once is worth more than a full one: requests are small.
        let _ = stream.set_nodelay(true);
        if url.scheme() == "http" {
            return shake_hands(stream).await;
        }
        let began = Instant::now();
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| SendError::new(ErrorKind::Tls, "no name for TLS"))?;
        let left = limit.saturating_sub(connecting.elapsed());
        let agreed = timeout(left, self.tls.connect(name, stream)).await.map_err(|_| {
            SendError::new(ErrorKind::Timeout, "TLS was not agreed on within the time limit for connecting")
        })?;
        let stream = agreed.map_err(|error| SendError::new(ErrorKind::Tls, format!("TLS failed: {error}")))?;
        phases.tls_ms = Some(millis(began));
        shake_hands(stream).await
    }
}

async fn shake_hands<S>(stream: S) -> Result<Sender, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::Builder::new()
        .max_headers(RESPONSE_HEADERS_MAX)
        .max_buf_size(RESPONSE_HEADER_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = shaken.map_err(|error| SendError::of_hyper(&error))?;
    // Ends when the sender is dropped or the receiver closes.
    tokio::spawn(connection);
    Ok(sender)
}

pub(super) fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
