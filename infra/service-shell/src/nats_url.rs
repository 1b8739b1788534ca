//! Where NATS is.

use std::{fmt, str::FromStr};

use async_nats::ServerAddr;
use clap::{Arg, Command, builder::TypedValueParser, error::ErrorKind};

/// Where NATS is: one server or several of a cluster, as URLs with commas between them. All of them,
/// where the servers speak TLS: by a certificate's name a client only knows those that it was told.
/// Shown without passwords.
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
            url => url.parse().map_err(|error| {
                let shown = url.rsplit_once('@').map_or(url, |(_, host)| host);
                format!("{shown:?} is none ({error}); {expected}")
            }),
        };
        text.split(',').map(server).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, server) in self.0.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let scheme = if server.tls_required() { "tls" } else { "nats" };
            write!(f, "{comma}{scheme}://{}:{}", server.host(), server.port())?;
        }
        Ok(())
    }
}

impl fmt::Debug for NatsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads a [`NatsUrl`] from the command line or the environment, and does not repeat one that is wrong:
/// it may hold a password.
#[derive(Clone)]
pub(crate) struct NatsUrlParser;

impl TypedValueParser for NatsUrlParser {
    type Value = NatsUrl;

    fn parse_ref(
        &self,
        command: &Command,
        _: Option<&Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<NatsUrl, clap::Error> {
        let parsed = value.to_str().ok_or_else(|| "not UTF-8".to_owned()).and_then(str::parse);
        parsed.map_err(|trouble| {
            let sentence = format!("--nats-url (NATS_URL): {trouble}\n");
            clap::Error::raw(ErrorKind::ValueValidation, sentence).with_cmd(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let url: NatsUrl = "nats://me:secret@nats.example:4333, tls://b:1".parse().unwrap();
        assert_eq!(url.to_string(), "nats://nats.example:4333,tls://b:1");
        assert!(!format!("{url:?}").contains("secret"));
        for wrong in ["nats://:0:0", "", "nats://a:1,"] {
            assert!(wrong.parse::<NatsUrl>().is_err(), "{wrong}");
        }
    }
}
