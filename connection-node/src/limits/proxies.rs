//! Who a request comes from where proxies stand before the node.
//!
//! Pure. A header is believed as far as those who wrote it are trusted: from the right, each hop
//! names the one before it, and the first that is no trusted proxy is the client. What stands further
//! left is the client's own word. Of the two headers one alone is read, that which the proxies write:
//! the other they may pass on as it came.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

use http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The header in which proxies name the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, and `X-Forwarded-Proto` beside it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ProxyHeader,
}

/// Bits before an IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`).
const MAPPED: u8 = 96;

/// Reads a network, or an address alone. One of IPv4 addresses written as IPv6 is taken for what it
/// means, as the addresses of those who connect are.
///
/// # Errors
/// In words.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = IpNet::from_str(text).or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network
        .map_err(|_| format!("{text:?} is no network; expected such as 10.0.0.0/8 or fd00::/8"))?;
    canonical(network).ok_or_else(|| {
        format!(
            "{text:?} is part IPv4 and part IPv6; expected a prefix of {MAPPED} bits or more behind \
             ::ffff:, or the IPv4 network itself, such as 10.0.0.0/8"
        )
    })
}

/// `None` if a network begins with an IPv4 address and is larger than all of them.
fn canonical(network: IpNet) -> Option<IpNet> {
    let IpAddr::V4(address) = network.addr().to_canonical() else { return Some(network) };
    let bits = match network {
        IpNet::V4(_) => network.prefix_len(),
        IpNet::V6(_) => network.prefix_len().checked_sub(MAPPED)?,
    };
    IpNet::new(address.into(), bits).ok()
}

impl TrustedProxies {
    pub fn new(networks: Vec<IpNet>, header: ProxyHeader) -> Self {
        Self { networks, header }
    }

    /// Whether the one who connects is a proxy that is believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    /// The client's address.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        for hop in self.hops(headers).iter().rev() {
            if !self.trusts(client) {
                break;
            }
            // A trusted proxy that does not say for whom it asks answers for itself.
            let Some(hop) = hop.address else { break };
            client = hop.to_canonical();
        }
        client
    }

    /// Whether the client came by TLS, as a trusted proxy tells.
    pub fn is_secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        if !self.trusts(peer) {
            return false;
        }
        let secure = |scheme: &str| scheme.trim().eq_ignore_ascii_case("https");
        match self.header {
            // One proxy often overwrites what it got; what the nearest says is what it knows.
            ProxyHeader::XForwardedFor => {
                list(headers, &X_FORWARDED_PROTO).last().is_some_and(secure)
            }
            ProxyHeader::Forwarded => self.hops(headers).last().is_some_and(|hop| hop.secure),
        }
    }

    /// Whether a request names a client that is not believed, which tells of a proxy that was forgotten.
    pub fn ignores(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        !self.trusts(peer)
            && (headers.contains_key(X_FORWARDED_FOR) || headers.contains_key(header::FORWARDED))
    }

    fn hops(&self, headers: &HeaderMap) -> Vec<Hop> {
        match self.header {
            ProxyHeader::XForwardedFor => list(headers, &X_FORWARDED_FOR)
                .map(|hop| Hop { address: address(hop), secure: false })
                .collect(),
            ProxyHeader::Forwarded => list(headers, &header::FORWARDED).map(Hop::parse).collect(),
        }
    }
}

/// What a proxy says of the one before it.
struct Hop {
    address: Option<IpAddr>,
    secure: bool,
}

impl Hop {
    /// One element of `Forwarded`: `for="[2001:db8::1]:4711";proto=https`. An obfuscated name (`_x`,
    /// `unknown`) is no address.
    fn parse(element: &str) -> Self {
        let parameter = |wanted: &str| {
            let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
            let mut values = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            values.next().map(|(_, value)| value.trim().trim_matches('"'))
        };
        Self {
            address: parameter("for").and_then(address),
            secure: parameter("proto").is_some_and(|proto| proto.eq_ignore_ascii_case("https")),
        }
    }
}

/// The elements of a header that is a list, however many lines it has. A line that is no text is one
/// element that nobody can read, so that nothing left of it is believed.
fn list<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or("unreadable"));
    lines.flat_map(|line| line.split(',')).map(str::trim)
}

/// An address, with a port or not, in brackets or not.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip()).ok();
    text.parse().ok().or_else(bare).or_else(with_port)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ProxyHeader) -> TrustedProxies {
        let networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"];
        TrustedProxies::new(networks.map(|net| network(net).unwrap()).into(), header)
    }

    fn headers(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let value = |line: &&str| HeaderValue::from_str(line).unwrap();
        lines.iter().map(|line| (name.clone(), value(line))).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        let table: [(&str, &[&str], &str); 17] = [
            // Nobody is believed but a trusted proxy.
            ("203.0.113.9", &[], "203.0.113.9"),
            ("203.0.113.9", &["198.51.100.1"], "203.0.113.9"),
            ("203.0.113.9", &["10.0.0.1"], "203.0.113.9"),
            // One proxy, and what its client says of itself.
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["127.0.0.1", "198.51.100.1"], "198.51.100.1"),
            // Two proxies; and a client within the trusted network.
            ("10.0.0.1", &["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.1, 198.51.100.1,10.0.0.2 , 192.0.2.7"], "198.51.100.1"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", &[], "10.0.0.1"),
            // What cannot be read ends what is believed.
            ("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["198.51.100.1, "], "10.0.0.1"),
            // Forms of addresses.
            ("::ffff:10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("fd00::1", &["2001:db8::1"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1], ::ffff:10.0.0.2"], "2001:db8::1"),
        ];
        let proxies = proxies(ProxyHeader::XForwardedFor);
        for (peer, lines, client) in table {
            let headers = headers(&X_FORWARDED_FOR, lines);
            assert_eq!(proxies.client(ip(peer), &headers), ip(client), "{peer} {lines:?}");
        }
    }

    #[test]
    fn forwarded_is_read_where_proxies_write_it() {
        let table: [(&str, &str, &str, bool); 7] = [
            ("203.0.113.9", "for=198.51.100.1;proto=https", "203.0.113.9", false),
            ("10.0.0.1", "for=198.51.100.1;proto=https", "198.51.100.1", true),
            ("10.0.0.1", "For=\"[2001:db8::1]:47\" ; Proto=HTTPS", "2001:db8::1", true),
            ("10.0.0.1", "for=127.0.0.1;proto=https, for=198.51.100.1", "198.51.100.1", false),
            ("10.0.0.1", "for=198.51.100.1, for=10.0.0.2;proto=https", "198.51.100.1", true),
            ("10.0.0.1", "for=_hidden, for=10.0.0.2", "10.0.0.2", false),
            ("10.0.0.1", "by=10.0.0.1", "10.0.0.1", false),
        ];
        let proxies = proxies(ProxyHeader::Forwarded);
        for (peer, line, client, secure) in table {
            let headers = headers(&header::FORWARDED, &[line]);
            assert_eq!(proxies.client(ip(peer), &headers), ip(client), "{peer} {line}");
            assert_eq!(proxies.is_secure(ip(peer), &headers), secure, "{peer} {line}");
        }
        let other = headers(&X_FORWARDED_FOR, &["198.51.100.1"]);
        assert_eq!(proxies.client(ip("10.0.0.1"), &other), ip("10.0.0.1"));
        assert!(proxies.ignores(ip("203.0.113.9"), &other));
        assert!(!proxies.ignores(ip("10.0.0.1"), &other));
    }

    #[test]
    fn only_a_trusted_proxy_tells_of_tls() {
        let proxies = proxies(ProxyHeader::XForwardedFor);
        let table: [(&str, &[&str], bool); 5] = [
            ("10.0.0.1", &["https"], true),
            ("10.0.0.1", &["http, https"], true),
            ("10.0.0.1", &["https, http"], false),
            ("10.0.0.1", &[], false),
            ("203.0.113.9", &["https"], false),
        ];
        for (peer, lines, secure) in table {
            let headers = headers(&X_FORWARDED_PROTO, lines);
            assert_eq!(proxies.is_secure(ip(peer), &headers), secure, "{peer} {lines:?}");
        }
    }

    #[test]
    fn networks_are_read() {
        for good in ["10.0.0.0/8", " 192.0.2.7 ", "fd00::/8", "::1"] {
            assert!(network(good).is_ok(), "{good}");
        }
        for (mapped, plain) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.1.2.3", "10.1.2.3/32"),
            ("::ffff:0.0.0.0/96", "0.0.0.0/0"),
        ] {
            assert_eq!(network(mapped), network(plain), "{mapped}");
            let proxies =
                TrustedProxies::new(vec![network(mapped).unwrap()], ProxyHeader::default());
            assert!(proxies.trusts(ip("10.1.2.3")) && proxies.trusts(ip("::ffff:10.1.2.3")));
            assert!(!proxies.trusts(ip("fd00::1")), "{mapped}");
        }
        for bad in ["", "10.0.0.0/33", "proxy.example", "10.0.0", "::ffff:10.0.0.0/90"] {
            assert!(network(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        /// Whatever a client writes, it cannot choose its address.
        #[test]
        fn what_a_client_writes_does_not_count(own in "[ -~]{0,60}") {
            let line = format!("{own}, 198.51.100.1");
            for (header, name, line) in [
                (ProxyHeader::XForwardedFor, X_FORWARDED_FOR, line.clone()),
                (ProxyHeader::Forwarded, header::FORWARDED, format!("{own}, for=198.51.100.1")),
            ] {
                let headers = headers(&name, &[&line]);
                let client = proxies(header).client(ip("10.0.0.1"), &headers);
                prop_assert_eq!(client, ip("198.51.100.1"));
            }
        }
    }
}
