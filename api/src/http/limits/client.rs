//! Where a request comes from.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};

/// Bits of an IPv6 address that name a network; one customer has all addresses behind them.
const IPV6_NETWORK_BITS: u8 = 64;
/// The header in which proxies write whom they speak for, the nearest last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of a connection; whoever accepts it puts this among the extensions of its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// A network, such as `10.0.0.0/8`; or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no address and no network such as 10.0.0.0/8")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError)?;
        let most = width(address);
        let bits = bits.map_or(Ok(most), str::parse).map_err(|_| NetworkError)?;
        if bits > most { Err(NetworkError) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Peer {
    /// The address that its connections are counted for: one customer has many IPv6 addresses.
    pub fn customer(self) -> IpAddr {
        of_customer(self.0.ip())
    }
}

/// Whether an address is in one of these networks.
pub(crate) fn is_one_of(address: IpAddr, networks: &[Network]) -> bool {
    networks.iter().any(|network| network.contains(address))
}

impl Network {
    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.address) && prefix(address, self.bits) == prefix(self.address, self.bits)
    }
}

const fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The first bits of an address.
fn prefix(address: IpAddr, bits: u8) -> u128 {
    let value = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    value.checked_shr(u32::from(width(address) - bits)).unwrap_or(0)
}

/// Whether a proxy passed a request on.
pub(crate) fn was_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) || headers.contains_key(header::FORWARDED)
}

/// The address that a request is counted for.
pub(super) fn address(request: &Request, trusted: &[Network]) -> IpAddr {
    of_customer(origin(request, trusted))
}

/// Where a request comes from: the peer's address, or the last one in `X-Forwarded-For` that no trusted proxy is, if
/// the peer is one. What stands before that anybody could have written.
pub(crate) fn origin(request: &Request, trusted: &[Network]) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(Ipv6Addr::UNSPECIFIED.into(), |peer| peer.0.ip());
    let forwarded = request.headers().get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok());
    let forwarded: Vec<&str> = forwarded.flat_map(|line| line.split(',')).map(str::trim).collect();
    nearest_untrusted(peer, &forwarded, trusted)
}

fn nearest_untrusted(peer: IpAddr, forwarded: &[&str], trusted: &[Network]) -> IpAddr {
    let mut nearest = peer;
    for text in forwarded.iter().rev() {
        if !is_one_of(nearest, trusted) {
            break;
        }
        // A trusted proxy writes addresses; with anything else it is taken for the origin itself.
        let Some(address) = forwarded_address(text) else { break };
        nearest = address;
    }
    nearest
}

/// An address as proxies write it: alone, in brackets, or with a port (Azure's gateways, IIS).
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    in_brackets.unwrap_or(text).parse().ok().or_else(with_port)
}

/// One customer has many IPv6 addresses and is counted as one.
fn of_customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let rest = 128 - IPV6_NETWORK_BITS;
            Ipv6Addr::from((u128::from(address) >> rest) << rest).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_is_an_address_and_a_number_of_bits() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains(ip("10.1.255.1")) && network.contains(ip("::ffff:10.1.2.3")));
        assert!(!network.contains(ip("10.2.0.1")) && !network.contains(ip("::1")));
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains(ip("203.0.113.9")));
        assert!("::1".parse::<Network>().unwrap().contains(ip("::1")));
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "host"] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }

    #[test]
    fn only_what_a_trusted_proxy_wrote_is_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap()];
        let nearest = |peer, forwarded: &[&str]| nearest_untrusted(ip(peer), forwarded, &trusted).to_string();
        assert_eq!(nearest("203.0.113.9", &["198.51.100.1"]), "203.0.113.9", "anybody can write a header");
        assert_eq!(nearest("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(nearest("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.2"]), "198.51.100.1");
        assert_eq!(nearest("10.0.0.1", &["1.1.1.1", "unknown"]), "10.0.0.1");
        assert_eq!(nearest("10.0.0.1", &[]), "10.0.0.1");
        for with_port in ["198.51.100.1:50123", "[2001:db8::1]:443", "[2001:db8::1]"] {
            let alone = if with_port.starts_with('[') { "2001:db8::1" } else { "198.51.100.1" };
            assert_eq!(nearest("10.0.0.1", &["1.1.1.1", with_port, "10.0.0.2:80"]), alone, "{with_port}");
        }
        for no_address in ["198.51.100.1:", "198.51.100.1:99999", "[198.51.100.1", "2001:db8::1]:443", ":80"] {
            assert_eq!(nearest("10.0.0.1", &["1.1.1.1", no_address]), "10.0.0.1", "{no_address}");
        }
    }

    #[test]
    fn a_customer_is_counted_as_one() {
        assert_eq!(of_customer(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(of_customer(ip("::ffff:203.0.113.9")), ip("203.0.113.9"));
    }
}
