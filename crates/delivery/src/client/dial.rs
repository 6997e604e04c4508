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
    time::{Instant, timeout},
};
use url::Url;

use super::{
    Client, SendError,
    pool::Connection,
    seen::{Seen, Watched},
    targets::Targets,
};

impl Client {
    /// Resolves, checks, connects, and negotiates TLS. Records the duration of each phase as it goes, so that a timeout
    /// shows the phase in which it occurred.
    pub(super) async fn dial(&self, url: &Url, phases: &mut Phases) -> Result<Connection, SendError> {
        let began = Instant::now();
        let mut targets = Targets::resolve(&self.guard, url, &*self.book).await?;
        phases.dns_ms = matches!(url.host(), Some(url::Host::Domain(_))).then(|| millis(began));

        let connecting = Instant::now();
        if let Some(proxy) = self.proxy.as_ref().filter(|_| !self.guard.is_own_bin(url)) {
            let tunnel = self.tunnel(proxy, &mut targets).await?;
            phases.connect_ms = Some(millis(connecting));
            return self.handshake(url, tunnel, connecting, phases).await;
        }
        let stream = self.connect(&mut targets).await?;
        phases.connect_ms = Some(millis(connecting));
        // Latency matters more than full segments: requests are small.
        let _ = stream.set_nodelay(true);
        self.handshake(url, stream, connecting, phases).await
    }

    /// TLS handshake for https within the remaining connect time, then the HTTP handshake.
    async fn handshake<S>(
        &self,
        url: &Url,
        stream: S,
        connecting: Instant,
        phases: &mut Phases,
    ) -> Result<Connection, SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if url.scheme() == "http" {
            return shake_hands(stream).await;
        }
        let limit = Duration::from_millis(self.options.connect_ms.into());
        let began = Instant::now();
        let left = limit.saturating_sub(connecting.elapsed());
        let agreed = timeout(left, self.tls.connect(server_name(url)?, stream)).await.map_err(|_| {
            SendError::new(ErrorKind::Timeout, "TLS was not agreed on within the time limit for connecting")
        })?;
        let stream = agreed.map_err(|error| SendError::new(ErrorKind::Tls, gancho_trust::explain(&error)))?;
        phases.tls_ms = Some(millis(began));
        shake_hands(stream).await
    }
}

/// The name to verify in the certificate: the URL's host without brackets and trailing dot.
fn server_name(url: &Url) -> Result<ServerName<'static>, SendError> {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches([']', '.']);
    let bad = |_| SendError::new(ErrorKind::Tls, "TLS can't be used with this host: it is no name of the DNS");
    ServerName::try_from(host.to_owned()).map_err(bad)
}

/// Responses are parsed leniently, like curl: folded header lines, spaces before colons, invalid lines.
async fn shake_hands<S>(stream: S) -> Result<Connection, SendError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let seen = Seen::default();
    let shaken = http1::Builder::new()
        .max_headers(RESPONSE_HEADERS_MAX)
        .max_buf_size(RESPONSE_HEADER_BYTES_MAX)
        .allow_obsolete_multiline_headers_in_responses(true)
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(Watched::new(stream, seen.clone())))
        .await;
    let (sender, connection) = shaken.map_err(|error| SendError::of_hyper(&error, None))?;
    // Ends when the sender is dropped or the receiver closes.
    tokio::spawn(connection);
    Ok(Connection { sender, seen })
}

pub(super) fn millis(since: Instant) -> u32 {
    u32::try_from(since.elapsed().as_millis()).unwrap_or(u32::MAX)
}
