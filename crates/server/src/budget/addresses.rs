//! Where a request comes from, and which addresses count as the same.
//!
//! Invariant: only a trusted proxy can say that somebody else is asking, and only in the entry that it wrote itself:
//! forwarded addresses are read from right to left, and the first one that is not a trusted proxy is the client.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Addresses counted together: one IPv4 address, or the /64 network that a customer gets with IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressKey {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6(u64),
    /// The first 48 bits of an IPv6 address: a site, which has several /64 networks.
    Site(u64),
}

impl AddressKey {
    /// The key of an address. An IPv4 address mapped to IPv6 counts as IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(first_half(address)),
        }
    }

    /// The wider network, which is counted too, with a larger limit; `None` for IPv4.
    pub fn site(self) -> Option<Self> {
        match self {
            Self::V6(network) => Some(Self::Site(network >> 16)),
            Self::V4(_) | Self::Site(_) => None,
        }
    }
}

/// Addresses that usually belong to one provider: an IPv4 /16, or an IPv6 /32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Block {
    /// The first 16 bits of an IPv4 address.
    V4(u16),
    /// The first 32 bits of an IPv6 address.
    V6(u32),
}

impl AddressKey {
    /// The block that it is in.
    pub fn block(self) -> Block {
        match self {
            Self::V4(address) => Block::V4((u32::from(address) >> 16) as u16),
            Self::V6(network) => Block::V6((network >> 32) as u32),
            Self::Site(site) => Block::V6((site >> 16) as u32),
        }
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(network) => write!(f, "{network:016x}/64"),
            Self::Site(network) => write!(f, "{network:012x}/48"),
        }
    }
}

fn first_half(address: Ipv6Addr) -> u64 {
    (u128::from(address) >> 64) as u64
}

/// Whether an address is in one of these networks. IPv4 addresses must not be in their IPv6-mapped form.
pub fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

/// The client behind a connection from `peer`, given its `X-Forwarded-For` header lines in order.
pub fn forwarded<'a>(
    peer: IpAddr,
    trusted: &[IpNet],
    lines: impl DoubleEndedIterator<Item = &'a str>,
) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_in(trusted, peer) {
        return peer;
    }
    let entries = lines.rev().flat_map(|line| line.rsplit(',')).map(str::trim);
    let mut outermost = peer;
    for entry in entries {
        // An unreadable entry was written by a trusted proxy, which vouches for nothing to the left of it.
        let Some(address) = parse(entry) else {
            return peer;
        };
        outermost = address;
        if !is_in(trusted, address) {
            return address;
        }
    }
    outermost
}

/// Parses an address as proxies write it: bare, with a port, in brackets, in quotes.
fn parse(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches('"');
    if let Some(rest) = entry.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return address
            .parse::<Ipv6Addr>()
            .ok()
            .filter(|_| port)
            .map(|found| IpAddr::V6(found).to_canonical());
    }
    if let Ok(address) = entry.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = entry.rsplit_once(':')?;
    address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// Parses a trusted proxy: an address, or a network such as `10.0.0.0/8`.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network.trunc(),
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()),
    };
    Some(network)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|text| parse_network(text).unwrap());
        forwarded(peer.parse().unwrap(), &trusted, lines.iter().copied()).to_string()
    }

    #[test]
    fn the_last_entry_that_is_no_proxy_decides() {
        for (peer, lines, expected) in [
            ("203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7:5001"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, [2001:db8::7]:443"], "2001:db8::7"),
            ("127.0.0.1", &["198.51.100.1, [2001:db8::7]"], "2001:db8::7"),
            ("127.0.0.1", &["198.51.100.1, 2001:db8::7"], "2001:db8::7"),
            ("127.0.0.1", &["198.51.100.1, \"[2001:db8::7]:443\""], "2001:db8::7"),
            ("127.0.0.1", &["198.51.100.1, ::ffff:203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            ("127.0.0.1", &["203.0.113.7", "10.9.9.9, 10.1.2.3"], "203.0.113.7"),
            ("127.0.0.1", &["198.51.100.1, unknown"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, unknown, 10.1.2.3"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, _hidden"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1,"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, 203.0.113.7:99999"], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.1, [203.0.113.7]:80"], "127.0.0.1"),
            ("127.0.0.1", &["10.0.0.1, 10.0.0.2"], "10.0.0.1"),
            ("::ffff:127.0.0.1", &["203.0.113.7"], "203.0.113.7"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn one_customer_is_one_address() {
        let key = |text: &str| AddressKey::of(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("2001:db8:1:2::1").site(), key("2001:db8:1:3::1").site());
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_eq!(key("192.0.2.1").site(), None);
    }

    #[test]
    fn networks_and_addresses_are_read() {
        assert!(
            parse_network("10.1.2.3/8")
                .is_some_and(|found| found.contains(&"10.9.9.9".parse::<IpAddr>().unwrap()))
        );
        assert!(parse_network("::1").is_some());
        for wrong in ["10.0.0.0/33", "example.org", "10.0.0.0/", "", "10.0.0"] {
            assert!(parse_network(wrong).is_none(), "{wrong}");
        }
    }
}
