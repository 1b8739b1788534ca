//! The connection to NATS, with the settings that every service needs.

use std::{fmt, str::FromStr, time::Duration};

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use tokio::{sync::watch, time::Instant};

use crate::BadConfiguration;

/// The oldest nats-server that has what Starling uses (per-message TTL with markers, batched direct
/// get).
pub const MINIMUM_SERVER: (u64, u64) = (2, 12);
/// How long a start waits for the first connection.
const FIRST_CONNECTION: Duration = Duration::from_secs(10);
/// The pause between two attempts. The client's own backoff grows to seconds, which a failover has
/// no time for.
const RETRY: Duration = Duration::from_millis(250);

/// A NATS server's URL; shown without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl(String);

impl NatsUrl {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NatsUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<ServerAddr>() {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("not a NATS URL such as nats://127.0.0.1:4222 ({error})")),
        }
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.parse::<ServerAddr>() {
            Ok(address) => write!(f, "nats://{}:{}", address.host(), address.port()),
            Err(_) => f.write_str("an unreadable URL"),
        }
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection, and word of its troubles.
pub struct Link {
    pub client: Client,
    /// Grows each time that something may have been missed: the connection came back, or a
    /// subscription overflowed.
    pub losses: watch::Receiver<u64>,
}

/// Connects, trying for ten seconds; afterwards the client reconnects for ever by itself.
///
/// # Errors
/// [`BadConfiguration`] where nobody answers in time or the server is too old.
pub async fn connect(url: &NatsUrl, name: &str) -> anyhow::Result<Link> {
    let (told, losses) = watch::channel(0);
    let deadline = Instant::now() + FIRST_CONNECTION;
    let client = loop {
        match options(name, told.clone()).connect(url.as_str()).await {
            Ok(client) => break client,
            Err(error) if Instant::now() < deadline => {
                tracing::info!(%url, %error, "waiting for NATS");
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => {
                return Err(BadConfiguration(format!(
                    "cannot reach a NATS server at {url}: {error}; start one there, or name \
                     another with NATS_URL"
                ))
                .into());
            }
        }
    };
    check_version(url, &client.server_info().version)?;
    Ok(Link { client, losses })
}

fn options(name: &str, told: watch::Sender<u64>) -> ConnectOptions {
    ConnectOptions::new().name(name).reconnect_delay_callback(|_| RETRY).event_callback(
        move |event| {
            notice(&event, &told);
            std::future::ready(())
        },
    )
}

fn notice(event: &Event, told: &watch::Sender<u64>) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            told.send_modify(|losses| *losses += 1);
        }
        Event::SlowConsumer(subscription) => {
            tracing::error!(subscription, "a subscription overflowed; catching up from the log");
            told.send_modify(|losses| *losses += 1);
        }
        Event::Disconnected => tracing::warn!("lost the connection to NATS; reconnecting"),
        // A denied permission shows nowhere else.
        Event::ServerError(error) => tracing::error!(%error, "NATS refused something"),
        event => tracing::info!(%event, "NATS"),
    }
}

fn check_version(url: &NatsUrl, version: &str) -> Result<(), BadConfiguration> {
    let mut parts = version.split(['.', '-']).map(|part| part.parse::<u64>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found >= MINIMUM_SERVER {
        return Ok(());
    }
    let (major, minor) = MINIMUM_SERVER;
    Err(BadConfiguration(format!(
        "the NATS server at {url} is version {version}; expected {major}.{minor} or newer: upgrade \
         it, or name another with NATS_URL"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let url: NatsUrl = "nats://me:secret@nats.example:4333".parse().unwrap();
        assert_eq!(url.to_string(), "nats://nats.example:4333");
        assert!(!format!("{url:?}").contains("secret"));
        assert!("nats://:0:0".parse::<NatsUrl>().is_err());
    }

    #[test]
    fn versions() {
        let url: NatsUrl = "nats://127.0.0.1:4222".parse().unwrap();
        for (version, ok) in [
            ("2.12.0", true),
            ("2.15.1", true),
            ("3.0.0-beta", true),
            ("2.11.9", false),
            ("2.9.10", false),
            ("", false),
        ] {
            assert_eq!(check_version(&url, version).is_ok(), ok, "{version:?}");
        }
    }
}
