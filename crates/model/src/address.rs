//! Addresses that are never called unless the configuration allows them one by one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

use crate::BinId;

/// Refused ranges of IPv4, with the reason (IANA special-purpose registry).
const REFUSED_V4: &[(Ipv4Addr, u8, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "this network"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "carrier-grade NAT"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "benchmarking"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "reserved"),
];

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

/// Refused ranges of IPv6, with the reason. Those that embed an IPv4 address are checked separately.
const REFUSED_V6: &[(Ipv6Addr, u8, &str)] = &[
    (v6(0x64, 0xff9b, 1), 48, "local NAT64"),
    (v6(0x100, 0, 0), 64, "discard"),
    (Ipv6Addr::new(0x100, 0, 0, 1, 0, 0, 0, 0), 64, "dummy"), // RFC 9780
    (v6(0x2001, 0, 0), 23, "reserved"),                       // Teredo, ORCHID, benchmarking
    (v6(0x2001, 0xdb8, 0), 32, "documentation"),
    (v6(0x3fff, 0, 0), 20, "documentation"),
    (v6(0x5f00, 0, 0), 16, "segment routing"),
    (v6(0xfc00, 0, 0), 7, "private"),
    (v6(0xfe80, 0, 0), 10, "link-local"),
    (v6(0xfec0, 0, 0), 10, "private"),
    (v6(0xff00, 0, 0), 8, "multicast"),
];

/// Metadata services of clouds, which return credentials: allowed only by naming the address itself, never by a range.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// The table as texts: ranges with the reason, and the addresses of [`is_metadata`].
pub fn table() -> (Vec<(String, &'static str)>, Vec<String>) {
    let v4 = REFUSED_V4.iter().map(|(net, prefix, why)| (format!("{net}/{prefix}"), *why));
    let v6 = REFUSED_V6.iter().map(|(net, prefix, why)| (format!("{net}/{prefix}"), *why));
    (v4.chain(v6).collect(), METADATA.iter().map(ToString::to_string).collect())
}

/// Whether it is a metadata service of a cloud.
pub fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address.to_canonical())
}

/// Why an address is refused: `loopback`, `private`, … `None` if it may be called.
pub fn refusal(address: IpAddr) -> Option<&'static str> {
    // ::ffff:127.0.0.1 is 127.0.0.1
    if METADATA.contains(&address.to_canonical()) {
        return Some("cloud metadata");
    }
    match address {
        IpAddr::V4(v4) => refusal_v4(v4),
        IpAddr::V6(v6) => refusal_v6(v6),
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    let holds = |&&(net, prefix, _): &&(Ipv4Addr, u8, _)| {
        Ipv4Net::new(net, prefix).is_ok_and(|net: Ipv4Net| net.contains(&address))
    };
    REFUSED_V4.iter().find(holds).map(|&(_, _, why)| why)
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        return Some("loopback");
    }
    let holds = |&&(net, prefix, _): &&(Ipv6Addr, u8, _)| {
        Ipv6Net::new(net, prefix).is_ok_and(|net: Ipv6Net| net.contains(&address))
    };
    if let Some(&(_, _, why)) = REFUSED_V6.iter().find(holds) {
        return Some(why);
    }
    let words = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        refusal(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
    };
    match words {
        // NAT64's well-known prefix represents a public IPv4 address, or embeds a refused one.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low).or(Some("6to4")),
        // IPv4-mapped and IPv4-translated (RFC 2765) addresses are used inside machines, not on networks.
        [0, 0, 0, 0, 0, 0xffff, high, low] => embedded(high, low).or(Some("IPv4-mapped")),
        [0, 0, 0, 0, 0xffff, 0, high, low] => embedded(high, low).or(Some("IPv4-translated")),
        // ::/96, the deprecated IPv4-compatible form: not in use today.
        [0, 0, 0, 0, 0, 0, high, low] => embedded(high, low).or(Some("reserved")),
        _ => None,
    }
}

/// Exceptions from [`refusal`] in the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    hosts: Vec<String>,
    nets: Vec<IpNet>,
    own: Option<SocketAddr>,
}

impl Allowed {
    /// Parses entries of `allow_hosts`: with `/` it is a range compared with the dialled address, without it is
    /// compared with the host of the URL.
    ///
    /// # Errors
    /// The first invalid entry.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let mut allowed = Self::default();
        for entry in entries.into_iter().map(str::trim) {
            if entry.contains('/') {
                allowed.nets.push(entry.parse().map_err(|_| entry.to_owned())?);
            } else {
                allowed.hosts.push(host_text(entry).ok_or_else(|| entry.to_owned())?);
            }
        }
        Ok(allowed)
    }

    /// Adds bins of the server that listens here, whose URLs accept requests from anyone.
    #[must_use]
    pub fn with_bins_at(self, own: SocketAddr) -> Self {
        Self { own: Some(own), ..self }
    }

    /// The origin of this server on its own machine.
    pub fn own_origin(&self) -> Option<String> {
        self.own.map(|own| format!("http://{own}"))
    }

    /// Whether this is the URL of one of our bins, by the address that we listen on.
    pub fn is_own_bin(&self, url: &Url) -> bool {
        let Some(own) = self.own else { return false };
        let is_own_host = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" && own.ip().is_loopback(),
            Some(Host::Ipv4(ip)) => own.ip() == ip,
            Some(Host::Ipv6(ip)) => own.ip() == ip,
            None => false,
        };
        let id = url.path().strip_prefix("/bin/").and_then(|rest| rest.split('/').next());
        let is_bin = id.is_some_and(|id| id.parse::<BinId>().is_ok());
        is_own_host && is_bin && url.scheme() == "http" && url.port_or_known_default() == Some(own.port())
    }

    /// Whether the address may be dialled for this URL.
    ///
    /// # Errors
    /// The reason: `loopback`, `private`, …
    pub fn check_url(&self, url: &Url, address: IpAddr) -> Result<(), &'static str> {
        let is_here = address.is_loopback() || self.own.is_some_and(|own| own.ip() == address);
        if is_here && self.is_own_bin(url) {
            return Ok(());
        }
        self.check(url.host_str().unwrap_or_default(), address)
    }

    /// Whether the address may be dialled for a URL of this host.
    ///
    /// # Errors
    /// The reason: `loopback`, `private`, …
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), &'static str> {
        let Some(why) = refusal(address) else { return Ok(()) };
        let address = address.to_canonical();
        let own = host_text(host).filter(|host| *host == address.to_string());
        let literal = own.is_some_and(|host| self.hosts.contains(&host));
        if METADATA.contains(&address) {
            return if literal { Ok(()) } else { Err(why) };
        }
        let named = host_text(host).is_some_and(|host| self.hosts.contains(&host));
        let in_range = self.nets.iter().any(|net| net.contains(&address));
        if named || in_range { Ok(()) } else { Err(why) }
    }
}

/// A host as the URL standard writes it, without brackets.
fn host_text(host: &str) -> Option<String> {
    let bracketed = host.contains(':') && !host.starts_with('[');
    let host = if bracketed { Host::parse(&format!("[{host}]")) } else { Host::parse(host) };
    Some(match host.ok()? {
        Host::Domain(name) => name.trim_end_matches('.').to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => IpAddr::V6(address).to_canonical().to_string(),
    })
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
