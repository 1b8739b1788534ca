//! A network between one node and its NATS server that can be cut.

use std::net::SocketAddr;

/// A TCP proxy; dropping it closes its connections.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
}

impl Link {
    /// Listens on a free loopback port and forwards every connection to `target`.
    pub async fn start(target: SocketAddr) -> anyhow::Result<Self> {
        let _ = target;
        todo!()
    }

    /// Where to connect instead of the target.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing is forwarded and nothing is closed; new connections hang.
    pub fn cut(&self) {
        todo!()
    }

    /// What was held flows on, and new connections work.
    pub fn heal(&self) {
        todo!()
    }

    /// Closes every connection.
    pub fn reset(&self) {
        todo!()
    }
}
