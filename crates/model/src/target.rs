//! Validates the URLs of endpoints.

use std::net::IpAddr;

use url::{Host, Url};

use crate::{
    Message,
    address::{self, Allowed},
};

/// Maximum length of a URL in bytes.
pub const LENGTH_MAX: usize = 2048;

/// Why a URL is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL.
    #[error("must be a complete URL such as https://example.com/hook")]
    Syntax,
    /// Neither http nor https.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It contains a user name or password.
    #[error("must not carry a user name or password: put them into a header of the webhook")]
    Credentials,
    /// It contains a fragment (`#`), which is never sent.
    #[error("must not have a # part: it would not be sent")]
    Fragment,
    /// Longer than [`LENGTH_MAX`].
    #[error("must be at most {LENGTH_MAX} characters long")]
    Length,
    /// A host that can't be resolved (RFC 1035 §2.3.4; underscores are common in private networks).
    #[error(
        "has a host that no name server knows: its parts must be 1 to 63 letters, digits, - or _, at most 253 in all"
    )]
    Host,
    /// A refused address.
    #[error("{address} is not called: it is {why}")]
    Refused {
        /// The address.
        address: IpAddr,
        /// The reason: `loopback`, `private`, …
        why: &'static str,
    },
}

impl BadUrl {
    /// The localized message.
    pub fn message(self) -> Message {
        match self {
            Self::Syntax => Message::new("error-url"),
            Self::Scheme => Message::new("error-url-scheme"),
            Self::Credentials => Message::new("error-url-credentials"),
            Self::Fragment => Message::new("error-url-fragment"),
            Self::Length => Message::new("error-url-length").with("max", LENGTH_MAX),
            Self::Host => Message::new("error-url-host"),
            // No setting allows it, so none is suggested.
            Self::Refused { address, .. } if address::is_metadata(address) => {
                Message::new("error-url-metadata").with("address", address.to_string())
            }
            Self::Refused { address, why } => {
                let why = Message::new(address_word(why));
                Message::new("error-url-address").with("address", address.to_string()).with("why", why)
            }
        }
    }
}

/// The message key of the reason why an address is refused.
fn address_word(why: &str) -> &'static str {
    match why {
        "loopback" => "address-loopback",
        "private" => "address-private",
        "link-local" => "address-link-local",
        "carrier-grade NAT" => "address-shared",
        "multicast" => "address-multicast",
        "documentation" => "address-documentation",
        "6to4" | "6to4 relay" | "local NAT64" => "address-embedded",
        _ => "address-reserved",
    }
}

/// Parses the URL of a new endpoint, or a new URL: like [`parse`], but URLs that could never be delivered to are
/// refused. URLs of existing endpoints are parsed by [`parse`].
///
/// # Errors
/// [`BadUrl`] states the reason.
pub fn parse_new(text: &str, allowed: &Allowed) -> Result<Url, BadUrl> {
    let url = parse(text)?;
    let literal = match url.host() {
        Some(Host::Domain(name)) if !can_be_looked_up(name) => return Err(BadUrl::Host),
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    if let Some(address) = literal {
        let judged = allowed.check_url(&url, address);
        judged.map_err(|why| BadUrl::Refused { address: address.to_canonical(), why })?;
    }
    Ok(url)
}

/// Whether a name server could resolve this ASCII name.
fn can_be_looked_up(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let good = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-' || letter == b'_';
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(good);
    name.len() <= 253 && name.split('.').all(label)
}

/// Parses an endpoint's URL. Numbers such as `http://2130706433/` are parsed as the address they represent.
///
/// # Errors
/// [`BadUrl`] states the reason.
pub fn parse(text: &str) -> Result<Url, BadUrl> {
    if text.len() > LENGTH_MAX {
        return Err(BadUrl::Length);
    }
    if text.trim() != text || text.contains(char::is_control) {
        return Err(BadUrl::Syntax);
    }
    let url = Url::parse(text).map_err(|_| BadUrl::Syntax)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadUrl::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadUrl::Credentials);
    }
    if url.fragment().is_some() {
        return Err(BadUrl::Fragment);
    }
    if url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err(BadUrl::Syntax);
    }
    Ok(url)
}

/// Whether two URLs have the same origin: scheme, host and port (WHATWG URL, "origin").
pub fn is_same_origin(one: &str, other: &str) -> bool {
    match (Url::parse(one), Url::parse(other)) {
        (Ok(one), Ok(other)) => one.origin() == other.origin() && one.origin().is_tuple(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad() {
        for good in ["https://example.com/hook?a=b", "http://127.0.0.1:8080", "http://[::1]/x", "https://peña.es/ñ"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        assert_eq!(parse("http://2130706433/").expect("a number").host_str(), Some("127.0.0.1"));
        assert_eq!(parse("http://0x7f.1/").expect("hex").host_str(), Some("127.0.0.1"));
        assert_eq!(parse("ftp://example.com"), Err(BadUrl::Scheme));
        assert_eq!(parse("https://u:p@example.com"), Err(BadUrl::Credentials));
        assert_eq!(parse("https://u@example.com"), Err(BadUrl::Credentials));
        assert_eq!(parse("https://example.com/#x"), Err(BadUrl::Fragment));
        for bad in [
            "",
            "example.com/hook",
            "https://",
            " https://example.com",
            "https://a b/",
            "http://x:0/",
            "https://example.com/\n",
        ] {
            assert_eq!(parse(bad), Err(BadUrl::Syntax), "{bad}");
        }
        assert_eq!(parse(&format!("https://example.com/{}", "a".repeat(LENGTH_MAX))), Err(BadUrl::Length));
    }

    #[test]
    fn a_new_one_must_be_deliverable() {
        let nobody = Allowed::default();
        for good in ["http://a_b.test/", "http://host_1:8000", "https://peña.es./", "http://8.8.8.8/", "http://x-.y/"]
        {
            assert!(parse_new(good, &nobody).is_ok(), "{good}");
        }
        let (long, longer) = (format!("http://{}.es/", "a".repeat(64)), format!("http://{}es/", "abc.".repeat(63)));
        for bad in ["http://a..b/", "http://.a/", "http://a.b../", "http://a'b/", "http://a~b.es", &long, &longer] {
            assert_eq!(
                parse_new(bad, &nobody).map_err(|error| error.to_string()),
                Err(BadUrl::Host.to_string()),
                "{bad}"
            );
        }
        for (refused, why) in [
            ("http://10.0.0.5/", "private"),
            ("http://127.1/", "loopback"),
            ("http://2130706433/", "loopback"),
            ("http://[::1]:80/", "loopback"),
            ("http://[::ffff:10.0.0.5]/", "private"),
            ("http://169.254.169.254/", "cloud metadata"),
            ("http://[fe80::1]/", "link-local"),
        ] {
            let error = parse_new(refused, &nobody).expect_err(refused);
            assert!(matches!(error, BadUrl::Refused { why: said, .. } if said == why), "{refused}: {error}");
            let offers = error.message().id == "error-url-address";
            assert_eq!(offers, why != "cloud metadata", "{refused}: whether a setting is offered");
        }
        let allowed = Allowed::parse(["10.0.0.0/8", "127.0.0.1"]).expect("entries");
        assert!(parse_new("http://10.0.0.5/", &allowed).is_ok());
        assert!(parse_new("http://2130706433/", &allowed).is_ok());
        assert!(parse_new("http://192.168.1.1/", &allowed).is_err());
    }
}
