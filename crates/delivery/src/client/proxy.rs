//! An HTTP proxy for outgoing attempts. Addresses are resolved and checked as without a proxy, and CONNECT names the
//! checked address, not the host name, which the proxy could resolve differently.

use std::{net::SocketAddr, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use gancho_model::ErrorKind;
use http::{HeaderValue, Method, Request, header::PROXY_AUTHORIZATION};
use http_body_util::Empty;
use hyper::{client::conn::http1, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use super::{Client, SendError, connect::LATE_ANSWER, targets::Targets};

/// A connection through the proxy.
pub(super) type Tunnel = TokioIo<Upgraded>;

/// A proxy, from the setting `egress_proxy`.
#[derive(Clone)]
pub struct EgressProxy {
    host: String,
    port: u16,
    authorization: Option<HeaderValue>,
}

impl EgressProxy {
    /// Parses `http://[USER:PASSWORD@]HOST:PORT`.
    ///
    /// # Errors
    /// The expected format.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let wrong =
            "must be the address of an HTTP proxy: http://HOST:PORT, with USER:PASSWORD@ before the host if it asks";
        let url = Url::parse(text).map_err(|_| wrong)?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let (Some(host), Some(port), true) = (url.host_str(), url.port_or_known_default(), is_bare) else {
            return Err(wrong);
        };
        if url.scheme() != "http" {
            return Err(wrong);
        }
        let plain = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let account = format!("{}:{}", plain(url.username()), plain(url.password().unwrap_or_default()));
        let authorization = (account != ":").then(|| format!("Basic {}", STANDARD.encode(account)));
        let authorization = authorization.map(|value| HeaderValue::try_from(value).map_err(|_| wrong)).transpose()?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port, authorization })
    }

    /// Opens a tunnel to a checked address.
    async fn open_tunnel(&self, address: SocketAddr) -> Result<Tunnel, SendError> {
        let stream = TcpStream::connect((&*self.host, self.port)).await.map_err(|error| {
            let (host, port) = (&self.host, self.port);
            SendError::new(
                ErrorKind::Connect,
                format!("the egress_proxy {host}:{port} can't be reached: {}", error.kind()),
            )
        })?;
        let _ = stream.set_nodelay(true);
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| self.protocol_error())?;
        tokio::spawn(connection.with_upgrades());
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = address.to_string().parse().map_err(|_| self.protocol_error())?;
        let host = HeaderValue::try_from(address.to_string()).map_err(|_| self.protocol_error())?;
        request.headers_mut().insert(http::header::HOST, host);
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(PROXY_AUTHORIZATION, authorization.clone());
        }
        let response = sender.send_request(request).await.map_err(|_| self.protocol_error())?;
        let status = response.status();
        if !status.is_success() {
            let message = format!("the egress_proxy does not lead to {address}: it answered {}", status.as_u16());
            return Err(SendError::new(ErrorKind::Connect, message));
        }
        hyper::upgrade::on(response).await.map(TokioIo::new).map_err(|_| self.protocol_error())
    }

    fn protocol_error(&self) -> SendError {
        let (host, port) = (&self.host, self.port);
        SendError::new(
            ErrorKind::Connect,
            format!("the egress_proxy {host}:{port} does not answer as an HTTP proxy does"),
        )
    }
}

impl Client {
    /// A tunnel to the first address that the proxy can reach within the connect timeout.
    pub(super) async fn tunnel(&self, proxy: &EgressProxy, targets: &mut Targets<'_>) -> Result<Tunnel, SendError> {
        let limit = Duration::from_millis(self.options.connect_ms.into());
        let leading = async {
            let mut last = None;
            loop {
                let Some(address) = targets.take() else {
                    let has_more = timeout(LATE_ANSWER, targets.more()).await.is_ok() && targets.are_waiting();
                    if has_more {
                        continue;
                    }
                    return Err(targets.failure(last));
                };
                match proxy.open_tunnel(address).await {
                    Ok(tunnel) => return Ok(tunnel),
                    Err(error) => last = Some(error),
                }
            }
        };
        timeout(limit, leading).await.unwrap_or_else(|_| {
            Err(SendError::new(
                ErrorKind::Timeout,
                "no connection through the egress_proxy within the time limit for connecting",
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::EgressProxy;

    #[test]
    fn addresses_of_proxies() {
        let read = |text| EgressProxy::parse(text).map(|proxy| (proxy.host, proxy.port, proxy.authorization.is_some()));
        assert_eq!(read("http://proxy:3128"), Ok(("proxy".into(), 3128, false)));
        assert_eq!(read("http://u:p%40@10.0.0.1"), Ok(("10.0.0.1".into(), 80, true)));
        assert_eq!(read("http://[::1]:3128/"), Ok(("::1".into(), 3128, false)));
        for bad in ["", "proxy:3128", "https://proxy", "socks5://proxy:1080", "http://proxy/path", "http://proxy/?a"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
