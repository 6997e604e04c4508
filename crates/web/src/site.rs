//! Where people reach this server.

use url::Url;

/// The address as people see it: scheme, host, and a path before all of ours behind a reverse proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Whether it is reached by https.
    pub https: bool,
    /// `https://host:port`, where it is known.
    pub origin: Option<String>,
    /// What stands before all paths, such as `/gancho`; empty for nothing.
    pub base: String,
}

impl Site {
    /// From `public_url`; whatever makes no sense there is refused at the start.
    pub fn new(public_url: Option<&str>) -> Self {
        let Some(url) = public_url.and_then(|text| Url::parse(text).ok()) else { return Self::default() };
        Self {
            https: url.scheme() == "https",
            origin: Some(url.origin().ascii_serialization()),
            base: url.path().trim_end_matches('/').to_owned(),
        }
    }

    /// A path of ours as browsers ask for it.
    pub fn link(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn behind_a_proxy_and_not() {
        assert_eq!(Site::new(None).link("/webhooks"), "/webhooks");
        let site = Site::new(Some("https://erp.example.com:8443/gancho/"));
        assert_eq!((site.https, site.link("/").as_str()), (true, "/gancho/"));
        assert_eq!(site.origin.as_deref(), Some("https://erp.example.com:8443"));
        assert_eq!(Site::new(Some("http://erp.lan")).base, "");
    }
}
