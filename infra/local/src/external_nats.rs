//! A nats-server that somebody else runs: reached, new enough, with JetStream.

use std::time::Duration;

use async_nats::ServerInfo;
use service_shell::{BadConfiguration, NatsArgs, NatsUrl, hopeless};
use wire::NatsRole;

use crate::nats_version::NatsVersion;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to the server as the role that makes streams, and checks that Starling can use it.
///
/// # Errors
/// [`BadConfiguration`] when nobody answers, or the server will not do or will not have the key.
pub async fn connect(nats: &NatsArgs) -> Result<async_nats::Client, BadConfiguration> {
    let place = &nats.nats_url;
    let connecting = nats
        .access
        .options(NatsRole::Admin)?
        .name("local-stack")
        .connection_timeout(CONNECT_TIMEOUT)
        .connect(place.servers());
    let client = match tokio::time::timeout(CONNECT_TIMEOUT * 2, connecting).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => {
            let hopeless = hopeless(&error, place, NatsRole::Admin);
            return Err(hopeless.unwrap_or_else(|| unreachable(place, &error.to_string())));
        }
        Err(_) => return Err(unreachable(place, "no answer")),
    };
    // A leaf has no JetStream of its own.
    if nats.access.nats_domain.is_none() {
        check(&client.server_info(), place)?;
    }
    Ok(client)
}

fn unreachable(place: &NatsUrl, reason: &str) -> BadConfiguration {
    BadConfiguration(format!(
        "the NATS server at {place} cannot be reached ({reason}): start it, or leave --nats-url out and one is started here"
    ))
}

fn check(server: &ServerInfo, place: &NatsUrl) -> Result<(), BadConfiguration> {
    let oldest = NatsVersion::OLDEST;
    match server.version.parse::<NatsVersion>() {
        Ok(version) if version.is_new_enough() => {}
        Ok(version) => {
            return Err(BadConfiguration(format!(
                "the NATS server at {place} is version {version}: Starling needs {oldest} or newer"
            )));
        }
        Err(error) => {
            return Err(BadConfiguration(format!(
                "the NATS server at {place} does not tell its version: Starling needs {oldest} or newer ({error})"
            )));
        }
    }
    if !server.jetstream {
        return Err(BadConfiguration(format!(
            "the NATS server at {place} runs without JetStream: start it with --jetstream"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_checked() {
        let place = "nats://host:4222".parse().unwrap();
        let table = [
            ("2.15.1", true, None),
            ("2.12.0-RC.1", true, None),
            ("2.9.10", true, Some("is version 2.9.10: Starling needs 2.12.0 or newer")),
            ("", true, Some("does not tell its version")),
            ("2.15.1", false, Some("without JetStream")),
        ];
        for (version, jetstream, expected) in table {
            let server =
                ServerInfo { version: version.to_owned(), jetstream, ..ServerInfo::default() };
            match (check(&server, &place), expected) {
                (Ok(()), None) => {}
                (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
                (outcome, _) => panic!("{version} {jetstream}: {outcome:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_named_without_its_password() {
        let nats = NatsArgs::at("nats://user:hush@127.0.0.1:1");
        let sentence = connect(&nats).await.unwrap_err().to_string();
        assert!(sentence.contains("nats://127.0.0.1:1 cannot be reached"), "{sentence}");
        assert!(!sentence.contains("hush"), "{sentence}");
    }
}
