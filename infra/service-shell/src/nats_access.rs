//! What lets a service into NATS: its key, and the authority that it trusts.
//!
//! Owns the settings, which are the same for every service, and what is wrong with them. Connecting is
//! left to [`crate::nats`].

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use async_nats::{
    ConnectOptions,
    rustls::pki_types::{CertificateDer, pem::PemObject as _},
};
use nkeys::{KeyPair, KeyPairType};
use wire::NatsRole;

use crate::{BadConfiguration, JetStreamApi, NatsUrl, nats_url::NatsUrlParser};

/// Where NATS is and how to get in; flattened into the settings of each service.
#[derive(Debug, Clone, clap::Args)]
pub struct NatsArgs {
    /// The NATS server: `nats://host:port`, or `tls://host:port`; of a cluster, several with commas
    /// between them.
    #[arg(long, env = "NATS_URL", default_value = "nats://127.0.0.1:4222",
          value_parser = NatsUrlParser)]
    pub nats_url: NatsUrl,

    #[command(flatten)]
    pub access: NatsAccess,
}

impl NatsArgs {
    /// A server that asks for nothing, or for what stands in the URL.
    ///
    /// # Panics
    /// When `nats_url` is no URL of a NATS server.
    #[allow(clippy::expect_used)] // A caller with a URL of its own making.
    pub fn at(nats_url: &str) -> Self {
        let nats_url = nats_url.parse().expect("a NATS URL");
        Self { nats_url, access: NatsAccess::default() }
    }
}

/// How to get in. Without any of these the server must ask for nothing, or `NATS_URL` holds a user and
/// password.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct NatsAccess {
    /// The file with the nkey seed of this service's role (`SU...`).
    #[arg(long, env = "NATS_NKEY_FILE", value_name = "FILE", conflicts_with = "nats_nkey_seed")]
    pub nats_nkey_file: Option<PathBuf>,

    /// The seed itself, where there is no file to keep it in.
    #[arg(long, env = "NATS_NKEY_SEED", value_name = "SEED", hide_env_values = true)]
    pub nats_nkey_seed: Option<NkeySeed>,

    /// The PEM file with the authority that signed the servers' certificates; without it those that
    /// this machine trusts count. With it, only TLS will do.
    #[arg(long, env = "NATS_CA_FILE", value_name = "FILE")]
    pub nats_ca_file: Option<PathBuf>,

    /// The JetStream domain with the streams, where the server is a leaf that has none: `hub`.
    #[arg(long, env = "NATS_DOMAIN", value_name = "NAME")]
    pub nats_domain: Option<NatsDomain>,
}

impl NatsAccess {
    /// Options of a connection that gets in as `role`; its files are read now.
    ///
    /// # Errors
    /// When a file cannot be read, or holds something else than it should.
    pub fn options(&self, role: NatsRole) -> Result<ConnectOptions, BadConfiguration> {
        let mut options = ConnectOptions::new().custom_inbox_prefix(role.inbox());
        if let Some(seed) = self.seed()? {
            options = options.nkey(seed);
        }
        if let Some(file) = &self.nats_ca_file {
            check_certificates(file)?;
            options = options.add_root_certificates(file.clone()).require_tls(true);
        }
        Ok(options)
    }

    /// Whether there is a key to get in with.
    pub fn has_key(&self) -> bool {
        self.nats_nkey_file.is_some() || self.nats_nkey_seed.is_some()
    }

    /// Where JetStream answers.
    pub fn jetstream(&self) -> JetStreamApi {
        let domain = self.nats_domain.as_ref();
        domain.map_or_else(JetStreamApi::default, |NatsDomain(name)| JetStreamApi::of_domain(name))
    }

    fn seed(&self) -> Result<Option<String>, BadConfiguration> {
        let (text, setting) = match (&self.nats_nkey_seed, &self.nats_nkey_file) {
            (Some(NkeySeed(seed)), _) => (seed.clone(), "NATS_NKEY_SEED".to_owned()),
            (None, Some(file)) => {
                (read(file, "NATS_NKEY_FILE")?, format!("NATS_NKEY_FILE {}", file.display()))
            }
            (None, None) => return Ok(None),
        };
        let seed =
            text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let seed = seed.unwrap_or_default();
        // The reason is left out: it could show what the seed is.
        let user =
            KeyPair::from_seed(seed).is_ok_and(|key| key.key_pair_type() == KeyPairType::User);
        if user {
            return Ok(Some(seed.to_owned()));
        }
        Err(BadConfiguration(format!(
            "{setting} holds no nkey seed of a user; expected one that begins with SU, as \
             `local-stack nats-keys` makes them"
        )))
    }
}

fn read(file: &Path, setting: &str) -> Result<String, BadConfiguration> {
    std::fs::read_to_string(file).map_err(|error| {
        BadConfiguration(format!(
            "{setting} {} cannot be read: {error}; name a file that this process may read",
            file.display()
        ))
    })
}

fn check_certificates(file: &Path) -> Result<(), BadConfiguration> {
    let text = read(file, "NATS_CA_FILE")?;
    let found: Result<Vec<CertificateDer>, _> =
        CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    if found.is_ok_and(|certificates| !certificates.is_empty()) {
        return Ok(());
    }
    Err(BadConfiguration(format!(
        "NATS_CA_FILE {} holds no certificate; expected PEM, as in -----BEGIN CERTIFICATE-----",
        file.display()
    )))
}

/// The secret half of a key. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct NkeySeed(String);

impl FromStr for NkeySeed {
    type Err = std::convert::Infallible;
    /// Takes anything: what refuses a value here would show it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for NkeySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// A JetStream domain's name: one token of a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsDomain(String);

impl FromStr for NatsDomain {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if text.is_empty() || !text.bytes().all(legal) {
            return Err("expected letters, digits, '-' and '_', as in hub".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        nats: NatsArgs,
    }

    fn parse(arguments: &[&str]) -> Result<NatsArgs, String> {
        let line = [&["service"], arguments].concat();
        Cli::try_parse_from(line).map(|cli| cli.nats).map_err(|error| error.to_string())
    }

    fn refusal(arguments: &[&str]) -> String {
        let nats = parse(arguments).unwrap();
        nats.access.options(NatsRole::Node).err().unwrap().to_string()
    }

    #[test]
    fn seeds_are_read_and_never_shown() {
        let seed = KeyPair::new_user().seed().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("node.seed");
        std::fs::write(&file, format!("# a node's\n{seed}\n")).unwrap();
        for line in [["--nats-nkey-seed", &seed], ["--nats-nkey-file", file.to_str().unwrap()]] {
            let nats = parse(&line).unwrap();
            assert!(nats.access.has_key());
            assert_eq!(nats.access.seed().unwrap().as_deref(), Some(seed.as_str()));
            assert!(!format!("{nats:?}").contains(&seed), "{nats:?}");
        }
        let both = ["--nats-nkey-seed", &seed, "--nats-nkey-file", "x"];
        let refusal = parse(&both).unwrap_err();
        assert!(refusal.contains("cannot be used with") && !refusal.contains(&seed), "{refusal}");
    }

    #[test]
    fn what_is_no_seed_is_refused_without_being_shown() {
        let account = KeyPair::new_account().seed().unwrap();
        for text in ["", "SUAnonsense", &account, "UAPUBLIC"] {
            let sentence = refusal(&["--nats-nkey-seed", text]);
            assert!(sentence.starts_with("NATS_NKEY_SEED holds no nkey seed"), "{sentence}");
            assert!(text.is_empty() || !sentence.contains(text), "{sentence}");
        }
        let sentence = refusal(&["--nats-nkey-file", "/no/such.seed"]);
        assert!(sentence.starts_with("NATS_NKEY_FILE /no/such.seed cannot be read"), "{sentence}");
    }

    #[test]
    fn an_authority_is_a_file_with_certificates() {
        let sentence = refusal(&["--nats-ca-file", "/no/such.pem"]);
        assert!(sentence.starts_with("NATS_CA_FILE /no/such.pem cannot be read"), "{sentence}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for text in
            ["", "nonsense", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"]
        {
            std::fs::write(&file, text).unwrap();
            let sentence = refusal(&["--nats-ca-file", file.to_str().unwrap()]);
            assert!(sentence.contains("holds no certificate"), "{text:?}: {sentence}");
        }
    }

    #[test]
    fn a_url_that_is_wrong_is_told_without_its_password() {
        let refusal = parse(&["--nats-url", "nats://me:hush@:0:0"]).unwrap_err();
        assert!(refusal.contains("(NATS_URL): \":0:0\" is none"), "{refusal}");
        assert!(!refusal.contains("hush"), "{refusal}");
    }

    #[test]
    fn domains() {
        let api = |arguments: &[&str]| parse(arguments).unwrap().access.jetstream();
        assert_eq!(api(&[]).subject("INFO"), "$JS.API.INFO");
        assert_eq!(api(&["--nats-domain", "hub"]).subject("INFO"), "$JS.hub.API.INFO");
        assert_eq!(api(&[]).record("$KV.a.b"), "$KV.a.b");
        assert_eq!(api(&["--nats-domain", "hub"]).record("$KV.a.b"), "$JS.hub.API.$KV.a.b");
        for wrong in ["", "a.b", "*", "a b"] {
            assert!(parse(&["--nats-domain", wrong]).is_err(), "{wrong:?}");
        }
    }
}
