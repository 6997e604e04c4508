//! The server's public address.

use std::net::IpAddr;

use axum::http::HeaderMap;
use url::Url;

/// The public address: scheme, host, and the path prefix behind a reverse proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Whether it uses https.
    pub https: bool,
    /// `https://host:port`, if known.
    pub origin: Option<String>,
    /// The prefix of all paths, such as `/gancho`; may be empty.
    pub base: String,
    /// Demo mode.
    pub is_demo: bool,
}

impl Site {
    /// From `public_url`; invalid values are refused at the start.
    pub fn new(public_url: Option<&str>) -> Self {
        let Some(url) = public_url.and_then(|text| Url::parse(text).ok()) else { return Self::default() };
        Self {
            https: url.scheme() == "https",
            origin: Some(url.origin().ascii_serialization()),
            base: url.path().trim_end_matches('/').to_owned(),
            is_demo: false,
        }
    }

    /// A path with the prefix, for browsers.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// The server's address, for entering it elsewhere.
pub(crate) struct ServerAddress {
    pub url: String,
    /// It is reachable from this machine only.
    pub is_local: bool,
}

impl ServerAddress {
    /// From `public_url`; otherwise, from the address of the current request.
    pub fn of(site: &Site, headers: &HeaderMap) -> Self {
        let origin = site.origin.clone().unwrap_or_else(|| {
            let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
            let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
            format!("{scheme}://{}", text("host").unwrap_or("127.0.0.1"))
        });
        Self { is_local: is_local(&origin), url: format!("{origin}{}", site.base) }
    }
}

fn is_local(origin: &str) -> bool {
    let host = Url::parse(origin).ok().and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default();
    let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    ip.is_some_and(|ip| ip.is_loopback()) || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_proxy_and_not() {
        assert_eq!(Site::new(None).link("/webhooks"), "/webhooks");
        let site = Site::new(Some("https://erp.example.com:8443/gancho/"));
        assert_eq!((site.https, site.link("/").as_str()), (true, "/gancho/"));
        assert_eq!(site.origin.as_deref(), Some("https://erp.example.com:8443"));
        assert_eq!(Site::new(Some("http://erp.lan")).base, "");
    }

    #[test]
    fn the_address_of_the_page_or_of_the_setting() {
        let asked = |host: &str| HeaderMap::from_iter([(axum::http::header::HOST, host.parse().expect("a host"))]);
        let here = ServerAddress::of(&Site::default(), &asked("127.0.0.1:8420"));
        assert_eq!((here.url.as_str(), here.is_local), ("http://127.0.0.1:8420", true));
        let there = ServerAddress::of(&Site::default(), &asked("gancho.lan:8420"));
        assert_eq!((there.url.as_str(), there.is_local), ("http://gancho.lan:8420", false));
        assert!(is_local("http://[::1]:8420") && is_local("http://localhost"));
        let site = Site::new(Some("https://erp.example.com/gancho/"));
        assert_eq!(ServerAddress::of(&site, &asked("127.0.0.1")).url, "https://erp.example.com/gancho");
    }
}
