use super::*;
use proptest::prelude::*;

/// The first and last address of each refused range, and forms that embed one.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.0",
    "127.255.255.255", "169.254.0.0", "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0",
    "192.0.0.255", "192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255",
    "198.18.0.0", "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255",
    "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255", "169.254.169.254", "168.63.129.16", "::",
    "::1", "::2", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "64:ff9b:1::1", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "100::", "100::ffff:ffff:ffff:ffff", "2001::1",
    "2001:1ff:ffff::1", "2001:db8::1", "2001:db8:ffff::1", "2002:7f00:1::1", "2002:808:808::1", "3fff::1",
    "3fff:fff::1", "5f00::1", "fc00::1", "fdff::1", "fd00:ec2::254", "fe80::1", "febf::1", "fec0::1", "feff::1",
    "ff00::1", "ffff::1", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "::ffff:0:127.0.0.1", "100:0:0:1::",
    "100:0:0:1:ffff:ffff:ffff:ffff",
];

/// The addresses next to them.
#[rustfmt::skip]
const FREE: &[&str] = &[
    "1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "191.255.255.255", "192.0.1.0",
    "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8",
    "64:ff9b::808:808", "100:0:0:2::", "::1:ffff:0:808:808", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1111", "2a00::1",
    "3ffe::1", "fbff::1",
];

fn why(address: &str) -> Option<&'static str> {
    refusal(address.parse().expect(address))
}

#[test]
fn range_by_range_first_and_last() {
    for address in REFUSED {
        assert!(why(address).is_some(), "{address} must be refused");
    }
    for address in FREE {
        assert_eq!(why(address), None, "{address} may be called");
    }
}

#[test]
fn what_a_person_allows() {
    let allowed = Allowed::parse(["localhost", "10.1.0.0/16", "192.168.1.5", "::1", "169.254.0.0/16", "Peña.example"]);
    let allowed = allowed.expect("good entries");
    let may = |host: &str, address: &str| allowed.check(host, address.parse().expect(address)).is_ok();
    assert!(may("localhost", "127.0.0.1"));
    assert!(may("LOCALHOST.", "127.0.0.1"));
    assert!(may("xn--pea-8ma.example", "10.9.0.1"));
    assert!(may("10.1.2.3", "10.1.2.3"));
    assert!(may("erp.example", "10.1.2.3"), "a range holds for the address dialled");
    assert!(may("192.168.1.5", "192.168.1.5"));
    assert!(may("[::1]", "::1"));
    assert!(may("169.254.1.1", "169.254.1.1"));
    assert!(!may("erp.example", "192.168.1.5"), "an entry without / is for the URL's host");
    assert!(!may("erp.example", "127.0.0.1"));
    assert!(!may("169.254.169.254", "169.254.169.254"), "metadata never by range");
    assert!(!may("localhost", "169.254.169.254"), "nor by a name");
    let literal = Allowed::parse(["169.254.169.254"]).expect("good");
    assert!(literal.check("169.254.169.254", "169.254.169.254".parse().expect("an address")).is_ok());
    assert!(literal.check("evil.example", "169.254.169.254".parse().expect("an address")).is_err());
    assert_eq!(Allowed::parse(["10.0.0.0/99"]), Err("10.0.0.0/99".into()));
    assert_eq!(Allowed::parse(["a b"]), Err("a b".into()));
}

/// IANA's special-purpose registries of IPv4 and IPv6 addresses, as of 2025-10: each block, and whether it is globally
/// reachable. Blocks without an answer there (deprecated, or depending on an embedded address) count as not reachable.
#[rustfmt::skip]
const IANA: &[(&str, bool)] = &[
    ("0.0.0.0/8", false), ("0.0.0.0/32", false), ("10.0.0.0/8", false), ("100.64.0.0/10", false), ("127.0.0.0/8", false),
    ("169.254.0.0/16", false), ("172.16.0.0/12", false), ("192.0.0.0/24", false), ("192.0.0.0/29", false),
    ("192.0.0.8/32", false), ("192.0.0.9/32", true), ("192.0.0.10/32", true), ("192.0.0.170/32", false),
    ("192.0.0.171/32", false), ("192.0.2.0/24", false), ("192.31.196.0/24", true), ("192.52.193.0/24", true),
    ("192.88.99.0/24", false), ("192.88.99.2/32", false), ("192.168.0.0/16", false), ("192.175.48.0/24", true),
    ("198.18.0.0/15", false), ("198.51.100.0/24", false), ("203.0.113.0/24", false), ("240.0.0.0/4", false),
    ("255.255.255.255/32", false),
    ("::1/128", false), ("::/128", false), ("::ffff:0:0/96", false), ("64:ff9b::/96", true), ("64:ff9b:1::/48", false),
    ("100::/64", false), ("100:0:0:1::/64", false), ("2001::/23", false), ("2001::/32", false), ("2001:1::1/128", true),
    ("2001:1::2/128", true), ("2001:1::3/128", true), ("2001:2::/48", false), ("2001:3::/32", true),
    ("2001:4:112::/48", true), ("2001:10::/28", false), ("2001:20::/28", true), ("2001:30::/28", true),
    ("2001:db8::/32", false), ("2002::/16", false), ("2620:4f:8000::/48", true), ("3fff::/20", false),
    ("5f00::/16", false), ("fc00::/7", false), ("fe80::/10", false),
];

/// Reachable according to the registry, but refused: no webhooks are received there.
const REFUSED_BESIDE: &[&str] = &["192.0.0.0/24", "2001::/23"];

#[test]
fn as_the_registries_of_iana_say() {
    let net = |text: &str| text.parse::<IpNet>().expect(text);
    for (text, reachable) in IANA {
        let block = net(text);
        let refused_beside = REFUSED_BESIDE.iter().any(|outer| net(outer).contains(&block));
        // NAT64 depends on the embedded address.
        let (first, last) = match *text {
            "64:ff9b::/96" => {
                ("64:ff9b::808:808".parse().expect("an address"), "64:ff9b::101:101".parse().expect("one"))
            }
            _ => (block.network(), block.broadcast()),
        };
        for address in [first, last] {
            assert_eq!(refusal(address).is_none(), *reachable && !refused_beside, "{address} of {text}");
        }
    }
}

proptest! {
    #[test]
    fn an_address_is_refused_in_whatever_form_it_comes(bits: u32) {
        let v4 = Ipv4Addr::from(bits);
        let [high, low] = [(bits >> 16) as u16, bits as u16];
        let forms = [v4.to_ipv6_mapped(), Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low), v4.to_ipv6_compatible()];
        for form in forms {
            prop_assert!(refusal(IpAddr::V6(form)).is_some());
        }
        let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
        prop_assert_eq!(refusal(IpAddr::V4(v4)), refusal(IpAddr::V6(nat64)));
    }
}
