//! Ports for servers that must be able to come back on the same port.
//!
//! A port from the kernel's ephemeral range is a poor choice for that: while the server is away, a
//! client that dials it can be given the very same port as its source and connect to itself, and then
//! the server cannot bind. So ports are picked below that range (32768 on Linux, 49152 on macOS).

use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use anyhow::Context as _;
use service_shell::BadConfiguration;
use tokio::net::TcpListener;

const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
const ATTEMPTS: u32 = 50;

/// A port that may be free: random, so that parallel processes seldom meet, and never the same twice in
/// this process, where one that was handed out may not be bound yet.
pub fn candidate() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    // A set stays whole whatever panics.
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    if given.len() >= usize::from(COUNT / 2) {
        given.clear();
    }
    loop {
        let random = RandomState::new().build_hasher().finish();
        let offset = u16::try_from(random % u64::from(COUNT)).unwrap_or_default();
        if given.insert(FIRST + offset) {
            return FIRST + offset;
        }
    }
}

/// Binds a loopback listener on a free port.
///
/// # Errors
/// When 50 candidates in a row are taken.
pub async fn listen_anywhere() -> anyhow::Result<TcpListener> {
    for _ in 0..ATTEMPTS {
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, candidate())).await {
            return Ok(listener);
        }
    }
    anyhow::bail!("no free port after {ATTEMPTS} attempts between {FIRST} and {}", FIRST + COUNT)
}

/// Binds `address` for `what` ("connection node 1").
///
/// # Errors
/// [`BadConfiguration`] that names the port when it is in use.
pub async fn listen(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            Err(in_use(address.port(), what).into())
        }
        Err(error) => Err(error).with_context(|| format!("cannot listen on {address} for {what}")),
    }
}

/// The sentence for a port that somebody else holds.
pub fn in_use(port: u16, what: &str) -> BadConfiguration {
    BadConfiguration(format!(
        "port {port}, wanted for {what}, is already in use: stop what holds it or choose other ports with --port"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_stay_below_the_ephemeral_range_and_differ() {
        let ports: BTreeSet<_> = (0..1_000).map(|_| candidate()).collect();
        assert_eq!(ports.len(), 1_000);
        assert!(ports.iter().all(|port| (FIRST..FIRST + COUNT).contains(port)));
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let held = listen_anywhere().await.unwrap();
        let address = held.local_addr().unwrap();
        let error = listen(address, "connection node 1").await.unwrap_err();
        let sentence = error.downcast_ref::<BadConfiguration>().unwrap().to_string();
        assert!(
            sentence
                .starts_with(&format!("port {}, wanted for connection node 1,", address.port())),
            "{sentence}"
        );
    }
}
