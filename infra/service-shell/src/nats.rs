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
/// How long an attempt at one server may take. One that is cut off answers nothing, and another of the
/// cluster waits its turn.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How often the server is asked for a sign of life. The client gives a connection up after two
/// questions without an answer: a network that swallows everything shows within some three of these.
const PING: Duration = Duration::from_secs(1);

/// Where NATS is: one server or several of a cluster, as URLs with commas between them. The client
/// learns of the cluster's other servers, so that several only matter for the first connection. Shown
/// without passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsUrl(Vec<ServerAddr>);

impl NatsUrl {
    /// At least one.
    pub fn servers(&self) -> &[ServerAddr] {
        &self.0
    }
}

impl FromStr for NatsUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a NATS URL such as nats://127.0.0.1:4222, or several with commas \
                        between them";
        let server = |url: &str| match url.trim() {
            "" => Err(format!("a URL is empty; {expected}")),
            url => url.parse().map_err(|error| format!("{url:?} is none ({error}); {expected}")),
        };
        text.split(',').map(server).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, server) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(f, "{comma}nats://{}:{}", server.host(), server.port())?;
        }
        Ok(())
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
    /// Since when there is no connection; `None` while there is one.
    pub down_since: watch::Receiver<Option<Instant>>,
}

/// What the event callback tells.
#[derive(Clone)]
struct Told {
    losses: watch::Sender<u64>,
    down_since: watch::Sender<Option<Instant>>,
}

/// Connects, trying for ten seconds; afterwards the client reconnects for ever by itself. Of each
/// subscription `queue` messages may wait; a service that falls behind further loses the newest and
/// learns of it by [`Link::losses`].
///
/// # Errors
/// [`BadConfiguration`] where nobody answers in time or the server is too old.
pub async fn connect(url: &NatsUrl, name: &str, queue: usize) -> anyhow::Result<Link> {
    let (tell_losses, losses) = watch::channel(0);
    let (tell_down, down_since) = watch::channel(None);
    let told = Told { losses: tell_losses, down_since: tell_down };
    let deadline = Instant::now() + FIRST_CONNECTION;
    let client = loop {
        match options(name, queue, told.clone()).connect(url.servers()).await {
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
    Ok(Link { client, losses, down_since })
}

fn options(name: &str, queue: usize, told: Told) -> ConnectOptions {
    ConnectOptions::new()
        .name(name)
        .subscription_capacity(queue)
        .ping_interval(PING)
        .connection_timeout(ATTEMPT)
        .reconnect_delay_callback(|_| RETRY)
        .event_callback(move |event| {
            notice(&event, &told);
            std::future::ready(())
        })
}

fn notice(event: &Event, told: &Told) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            // The first connection ends no outage: nobody is told of one.
            told.down_since.send_if_modified(|since| since.take().is_some());
            told.losses.send_modify(|losses| *losses += 1);
        }
        Event::SlowConsumer(subscription) => {
            tracing::error!(subscription, "a subscription overflowed; catching up from the log");
            told.losses.send_modify(|losses| *losses += 1);
        }
        Event::Disconnected => {
            tracing::warn!("lost the connection to NATS; reconnecting");
            told.down_since.send_if_modified(|since| since.replace(Instant::now()).is_none());
        }
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
        let url: NatsUrl = "nats://me:secret@nats.example:4333, b:1".parse().unwrap();
        assert_eq!(url.to_string(), "nats://nats.example:4333,nats://b:1");
        assert!(!format!("{url:?}").contains("secret"));
        for wrong in ["nats://:0:0", "", "nats://a:1,"] {
            assert!(wrong.parse::<NatsUrl>().is_err(), "{wrong}");
        }
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
