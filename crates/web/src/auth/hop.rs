//! Determines the client's address behind proxies.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The last hop that is not a trusted proxy: entries of `X-Forwarded-For` before it may be forged. Multiple header
/// lines form one list (RFC 9110 §5.3).
pub(crate) fn client(headers: &HeaderMap, peer: IpAddr, proxies: &[IpNet]) -> IpAddr {
    let lines: Vec<&str> = headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or("?")).collect();
    let list = lines.join(",");
    let mut hops = list.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty());
    let mut client = peer.to_canonical();
    while proxies.iter().any(|net| net.contains(&client)) {
        // If a proxy sends no valid entry, the request counts as its own.
        let Some(hop) = hops.next().and_then(parse_hop) else { break };
        client = hop.to_canonical();
    }
    client
}

/// An address with an optional port: `192.0.2.1:80`, `[2001:db8::1]:80`.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').split(']').next().unwrap_or_default();
    hop.parse()
        .ok()
        .or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|at| at.ip()))
        .or_else(|| bare.parse().ok())
}

/// The key for counting: IPv6 addresses count by their /64.
pub(crate) fn counted(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{}/64", Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, lines: &[&str]) -> String {
        let proxies: Vec<IpNet> = ["127.0.0.0/8", "::1/128", "172.17.0.0/16"].map(|net| net.parse().unwrap()).into();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        counted(client(&headers, peer.parse().unwrap(), &proxies))
    }

    #[test]
    fn the_last_hop_that_is_no_proxy_of_ours() {
        assert_eq!(from("203.0.113.9", &["198.51.100.1"]), "203.0.113.9", "nobody else is believed");
        assert_eq!(from("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            from("127.0.0.1", &["1.2.3.4, 198.51.100.1, 172.17.0.2"]),
            "198.51.100.1",
            "what it says before may be made up"
        );
        assert_eq!(
            from("127.0.0.1", &["1.2.3.4", "198.51.100.1", "127.0.0.1"]),
            "198.51.100.1",
            "several lines are one"
        );
        assert_eq!(from("::ffff:127.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(from("127.0.0.1", &["1.2.3.4, unknown"]), "127.0.0.1");
        assert_eq!(from("::1", &["[2001:db8:1:2:3:4:5:6]:80"]), "2001:db8:1:2::/64");
        assert_eq!(from("127.0.0.1", &["2001:db8:1:2:ffff::1"]), "2001:db8:1:2::/64");
    }
}
