//! The settings of all limits.

use ipnet::IpNet;

use super::{ProxyHeader, Rate, TrustedProxies, network};

/// Every limit of one client. Each of them is one that no honest client meets, and `0` turns it off.
#[derive(Clone, Debug, clap::Args)]
pub struct LimitSettings {
    /// Networks of the proxies before the node, separated by commas: from these alone is it believed
    /// for whom they ask. Without them everybody behind a proxy counts as one address.
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which those proxies name the client.
    #[arg(long, env = "PROXY_HEADER", value_enum, default_value = "x-forwarded-for")]
    pub proxy_header: ProxyHeader,

    /// Connections that an address may open: so many a second, and so many at once. An office behind one
    /// address that comes back after an outage opens hundreds in a moment.
    #[arg(long, env = "LIMIT_HANDSHAKES", default_value_t = Self::HANDSHAKES)]
    pub limit_handshakes: Rate,

    /// Tokens of an address that may be refused; beyond, the address is kept out for 10 seconds.
    #[arg(long, env = "LIMIT_FAILURES", default_value_t = Self::FAILURES)]
    pub limit_failures: Rate,

    /// Events of one socket. A file counts one more for each 256 KiB, like below. Nobody types 50 messages
    /// a second; a page that joins its rooms after a reconnect sends some 100 at once.
    #[arg(long, env = "LIMIT_SOCKET_EVENTS", default_value_t = Self::SOCKET_EVENTS)]
    pub limit_socket_events: Rate,

    /// Events and connections of one user on this node, over all of its sockets: a few tabs and devices.
    #[arg(long, env = "LIMIT_USER_EVENTS", default_value_t = Self::USER_EVENTS)]
    pub limit_user_events: Rate,

    /// Events of one address on this node: an office of some hundred people who all write.
    #[arg(long, env = "LIMIT_ADDRESS_EVENTS", default_value_t = Self::ADDRESS_EVENTS)]
    pub limit_address_events: Rate,

    /// Connections that have not shown a token yet; as many again may be busy with HTTP.
    #[arg(long, env = "MAX_UNAUTHENTICATED", default_value_t = Self::UNAUTHENTICATED)]
    pub max_unauthenticated: usize,

    /// The same for one address.
    #[arg(long, env = "MAX_UNAUTHENTICATED_PER_ADDRESS", default_value_t = Self::UNAUTHENTICATED_EACH)]
    pub max_unauthenticated_per_address: usize,
}

impl LimitSettings {
    const HANDSHAKES: Rate = Rate::new(50, 500);
    const FAILURES: Rate = Rate::new(5, 50);
    const SOCKET_EVENTS: Rate = Rate::new(50, 200);
    const USER_EVENTS: Rate = Rate::new(100, 500);
    const ADDRESS_EVENTS: Rate = Rate::new(1_000, 5_000);
    const UNAUTHENTICATED: usize = 10_000;
    const UNAUTHENTICATED_EACH: usize = 1_000;

    /// None at all: for a laptop, where every client has the same address.
    pub fn off() -> Self {
        Self {
            limit_handshakes: Rate::OFF,
            limit_failures: Rate::OFF,
            limit_socket_events: Rate::OFF,
            limit_user_events: Rate::OFF,
            limit_address_events: Rate::OFF,
            max_unauthenticated: 0,
            max_unauthenticated_per_address: 0,
            ..Self::default()
        }
    }

    pub(super) fn proxies(&self) -> TrustedProxies {
        TrustedProxies::new(self.trusted_proxies.clone(), self.proxy_header)
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            limit_handshakes: Self::HANDSHAKES,
            limit_failures: Self::FAILURES,
            limit_socket_events: Self::SOCKET_EVENTS,
            limit_user_events: Self::USER_EVENTS,
            limit_address_events: Self::ADDRESS_EVENTS,
            max_unauthenticated: Self::UNAUTHENTICATED,
            max_unauthenticated_per_address: Self::UNAUTHENTICATED_EACH,
        }
    }
}
