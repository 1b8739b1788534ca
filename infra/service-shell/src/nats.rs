//! The connection to NATS, with the settings that every service needs.

use std::{
    error::Error as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, ServerError};
use tokio::{sync::watch, time::Instant};
use wire::NatsRole;

use crate::{BadConfiguration, JetStreamApi, NatsArgs, NatsUrl, nats_refusals::Refusals};

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
/// How long a refusal may take to come back.
const REFUSAL: Duration = Duration::from_millis(250);

/// A connection, and word of its troubles.
pub struct Link {
    pub client: Client,
    /// Grows each time that something may have been missed: the connection came back, or a
    /// subscription overflowed.
    pub losses: watch::Receiver<u64>,
    /// Since when there is no connection; `None` while there is one.
    pub down_since: watch::Receiver<Option<Instant>>,
    /// Grows each time that the server refuses something: a permission is missing.
    pub refusals: watch::Receiver<u64>,
    /// Where JetStream answers.
    pub jetstream: JetStreamApi,
}

/// What the event callback tells.
#[derive(Clone)]
struct Told {
    losses: watch::Sender<u64>,
    down_since: watch::Sender<Option<Instant>>,
    refusals: Arc<Mutex<Refusals>>,
}

/// Connects as `role`, trying for ten seconds; afterwards the client reconnects for ever by itself. Of each
/// subscription `queue` messages may wait; a service that falls behind further loses the newest and
/// learns of it by [`Link::losses`].
///
/// # Errors
/// [`BadConfiguration`] where nobody answers in time, the server is too old, or it will not have this
/// key or has a certificate that is not trusted.
pub async fn connect(
    nats: &NatsArgs,
    role: NatsRole,
    name: &str,
    queue: usize,
) -> anyhow::Result<Link> {
    let url = &nats.nats_url;
    let (tell_losses, losses) = watch::channel(0);
    let (tell_down, down_since) = watch::channel(None);
    let (count, mut refusals) = watch::channel(0);
    let told = Told {
        losses: tell_losses,
        down_since: tell_down,
        refusals: Arc::new(Mutex::new(Refusals::new(count))),
    };
    let deadline = Instant::now() + FIRST_CONNECTION;
    let client = loop {
        let options = with_settings(nats.access.options(role)?, name, queue, told.clone());
        match options.connect(url.servers()).await {
            Ok(client) => break client,
            Err(error) => {
                if let Some(hopeless) = hopeless(&error, url, role) {
                    return Err(hopeless.into());
                }
                if Instant::now() >= deadline {
                    return Err(unreachable(&error, url).into());
                }
                tracing::info!(%url, error = reason(&error), "waiting for NATS");
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    check_version(url, &client.server_info().version)?;
    if nats.access.has_key() {
        check_role(&client, role, &mut refusals).await?;
    }
    Ok(Link { client, losses, down_since, refusals, jetstream: nats.access.jetstream() })
}

fn with_settings(options: ConnectOptions, name: &str, queue: usize, told: Told) -> ConnectOptions {
    options
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

/// What trying again will not change.
///
/// Public for the local stack, which connects in its own way.
pub fn hopeless(error: &ConnectError, url: &NatsUrl, role: NatsRole) -> Option<BadConfiguration> {
    let role = role.name();
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            Some(BadConfiguration(format!(
                "the NATS server at {url} does not let this process in; expected a key of the role \
                 {role} that its users.conf lists: name its seed with NATS_NKEY_FILE"
            )))
        }
        _ => {
            let reason = reason(error);
            let (_, trouble) = reason.split_once("invalid peer certificate: ")?;
            Some(BadConfiguration(format!(
                "the certificate of the NATS server at {url} is not to be trusted ({trouble}); \
                 expected one for that host, signed by the authority in NATS_CA_FILE: name the right \
                 authority, or the host as the certificate has it"
            )))
        }
    }
}

fn unreachable(error: &ConnectError, url: &NatsUrl) -> BadConfiguration {
    BadConfiguration(format!(
        "cannot reach a NATS server at {url}: {}; start one there, or name another with NATS_URL",
        reason(error)
    ))
}

/// The error with its causes: the client library shows the first only.
fn reason(error: &ConnectError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    text
}

/// Sees whether the key is of this role: another's may not listen for this one's answers, and every
/// request would time out.
async fn check_role(
    client: &Client,
    role: NatsRole,
    refusals: &mut watch::Receiver<u64>,
) -> anyhow::Result<()> {
    let listening = client.subscribe(client.new_inbox()).await?;
    client.flush().await?;
    let refused =
        tokio::time::timeout(REFUSAL, refusals.wait_for(|count| *count > 0)).await.is_ok();
    drop(listening);
    if !refused {
        return Ok(());
    }
    let (role, inbox) = (role.name(), role.inbox());
    Err(BadConfiguration(format!(
        "the NATS server does not let this process subscribe to {inbox}.>; expected a key of the role \
         {role}: name its seed with NATS_NKEY_FILE"
    ))
    .into())
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
        Event::ServerError(ServerError::Other(error)) if !error.contains("Stale Connection") => {
            let mut refusals = told.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(sentence) = refusals.note(error) {
                tracing::error!("{sentence}");
            }
        }
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
