//! The settings by which tokens are checked, and the one kind of key that they choose.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{
    algorithm::Algorithm,
    claims::Expected,
    fetch::{Fetcher, JwksUrl},
    key::Key,
    remote_keys::{KeyUpkeep, RemoteKeys},
    secret::Secret,
    signer::Signer,
    verifier::Verifier,
};
use crate::BadConfiguration;

/// Clocks that differ by more are broken.
const MAX_LEEWAY: u64 = 300;

/// How tokens are checked: flattened into every service that takes them.
#[derive(Debug, Clone, clap::Args)]
pub struct TokenArgs {
    /// The secret with which tokens are signed (HS256): 32 random bytes or more, such as `openssl rand
    /// -hex 32` makes. One of this, `JWT_PUBLIC_KEY_FILE` and `JWT_JWKS_URL` is needed.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub jwt_secret: Option<Secret>,

    /// A file with the public key of whoever signs tokens, in PEM: RSA (RS256), P-256 (ES256) or
    /// Ed25519 (`EdDSA`).
    #[arg(long, env = "JWT_PUBLIC_KEY_FILE")]
    pub jwt_public_key_file: Option<PathBuf>,

    /// Where whoever signs tokens publishes the keys (JWKS): https, or http to this machine.
    #[arg(long, env = "JWT_JWKS_URL")]
    pub jwt_jwks_url: Option<JwksUrl>,

    /// The algorithm of tokens: HS256, RS256, ES256 or `EdDSA`. The kind of key tells, but for
    /// `JWT_JWKS_URL`, which needs it and takes several, separated by commas.
    #[arg(long, env = "JWT_ALGORITHM", value_delimiter = ',')]
    pub jwt_algorithm: Vec<Algorithm>,

    /// What `iss` of every token must be; without it any will do.
    #[arg(long, env = "JWT_ISSUER", value_parser = not_empty)]
    pub jwt_issuer: Option<String>,

    /// What `aud` of every token must be or hold; without it any will do.
    #[arg(long, env = "JWT_AUDIENCE", value_parser = not_empty)]
    pub jwt_audience: Option<String>,

    /// Seconds by which the issuer's clock may differ from this one: 300 at most.
    #[arg(long, env = "JWT_LEEWAY", default_value_t = 30,
          value_parser = clap::value_parser!(u64).range(..=MAX_LEEWAY))]
    pub jwt_leeway: u64,

    /// Seconds between two looks at `JWT_JWKS_URL`: 10 to 86400. A token that names an unknown key has
    /// it looked at sooner.
    #[arg(long, env = "JWT_JWKS_REFRESH", default_value_t = 300,
          value_parser = clap::value_parser!(u64).range(10..=86_400))]
    pub jwt_jwks_refresh: u64,
}

impl TokenArgs {
    /// Tokens signed with a secret (HS256), and the defaults.
    pub fn of_secret(secret: Secret) -> Self {
        Self {
            jwt_secret: Some(secret),
            jwt_public_key_file: None,
            jwt_jwks_url: None,
            jwt_algorithm: Vec::new(),
            jwt_issuer: None,
            jwt_audience: None,
            jwt_leeway: 30,
            jwt_jwks_refresh: 300,
        }
    }

    /// Tokens signed with a secret that everybody knows, for tests.
    pub fn local() -> Self {
        Self::of_secret(Secret::own("local development only"))
    }

    /// What checks tokens, and what keeps its keys up to date, which the caller has to run. Reads the
    /// file of a public key; asks nobody for anything yet.
    ///
    /// # Errors
    /// Where there is not exactly one kind of key, or it is of no use.
    pub fn open(&self) -> Result<(Verifier, KeyUpkeep), BadConfiguration> {
        let expected = Expected {
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            leeway: self.jwt_leeway,
        };
        match (&self.jwt_secret, &self.jwt_public_key_file, &self.jwt_jwks_url) {
            (Some(secret), None, None) => {
                secret.check().map_err(|why| bad(format!("JWT_SECRET cannot be used: {why}")))?;
                self.fixed(Key::of_secret(secret), "JWT_SECRET is", expected)
            }
            (None, Some(file), None) => {
                let name = format!("JWT_PUBLIC_KEY_FILE {}", file.display());
                let pem = std::fs::read(file)
                    .map_err(|error| bad(format!("{name} cannot be read: {error}")))?;
                let key = Key::of_pem(&pem).map_err(|why| bad(format!("{name} {why}")))?;
                self.fixed(key, &format!("the key in {name} is"), expected)
            }
            (None, None, Some(url)) => {
                let algorithms = self.published()?;
                let interval = Duration::from_secs(self.jwt_jwks_refresh);
                let fetcher = Fetcher::new(url.clone())
                    .map_err(|error| bad(format!("JWT_JWKS_URL cannot be used: {error:#}")))?;
                let fetcher = Arc::new(fetcher);
                let fetch = move || {
                    let fetcher = fetcher.clone();
                    async move { fetcher.fetch().await }
                };
                let (keys, upkeep) =
                    RemoteKeys::new(url.to_string(), fetch, algorithms.clone(), interval);
                Ok((Verifier::with_remote_keys(keys, algorithms, expected), upkeep))
            }
            (None, None, None) => Err(bad(
                "there is nothing to check tokens with; set one of JWT_SECRET, JWT_PUBLIC_KEY_FILE \
                 and JWT_JWKS_URL",
            )),
            _ => Err(bad(format!("{} are set; tokens are checked with one of them", self.kinds()))),
        }
    }

    /// What signs development tokens; `None` where there is no secret to sign with.
    pub fn signer(&self) -> Option<Signer> {
        let (issuer, audience) = (self.jwt_issuer.clone(), self.jwt_audience.clone());
        self.jwt_secret.as_ref().map(|secret| Signer::new(secret, issuer, audience))
    }

    fn fixed(
        &self,
        key: Key,
        what: &str,
        expected: Expected,
    ) -> Result<(Verifier, KeyUpkeep), BadConfiguration> {
        if self.jwt_algorithm.iter().any(|named| *named != key.algorithm) {
            let names = names(&self.jwt_algorithm);
            let algorithm = key.algorithm;
            return Err(bad(format!("JWT_ALGORITHM is {names}, but {what} for {algorithm}")));
        }
        Ok((Verifier::with_key(key, expected), KeyUpkeep::nothing()))
    }

    /// The algorithms of published keys: named, because whoever publishes them must not choose.
    fn published(&self) -> Result<Vec<Algorithm>, BadConfiguration> {
        let example = "set JWT_ALGORITHM to what your issuer signs with: RS256, ES256 or EdDSA";
        if self.jwt_algorithm.is_empty() {
            return Err(bad(format!("JWT_JWKS_URL does not fix the algorithm; {example}")));
        }
        if self.jwt_algorithm.contains(&Algorithm::Hs256) {
            return Err(bad(format!("a secret for HS256 is not to be published; {example}")));
        }
        Ok(self.jwt_algorithm.clone())
    }

    fn kinds(&self) -> String {
        let kinds = [
            ("JWT_SECRET", self.jwt_secret.is_some()),
            ("JWT_PUBLIC_KEY_FILE", self.jwt_public_key_file.is_some()),
            ("JWT_JWKS_URL", self.jwt_jwks_url.is_some()),
        ];
        kinds
            .map(|(name, set)| set.then_some(name))
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" and ")
    }
}

fn names(algorithms: &[Algorithm]) -> String {
    algorithms.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(",")
}

fn bad(sentence: impl Into<String>) -> BadConfiguration {
    BadConfiguration(sentence.into())
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty; leave it out, or say what tokens hold".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::token::test_key::TestKey;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        tokens: TokenArgs,
    }

    const GOOD: &str = "6d1f0c9b5e7a48d2b3f6a1c0e9d8475263f1b0a9c8d7e6f5041322314e5f6a7b";
    const URL: &str = "https://id.example/jwks";

    fn open(arguments: &[&str]) -> Result<(), String> {
        let line = [&["service"], arguments].concat();
        let cli = Cli::try_parse_from(line).map_err(|error| error.to_string())?;
        cli.tokens.open().map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn exactly_one_kind_of_key() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key.pem");
        std::fs::write(&file, TestKey::ec().pem).unwrap();
        let file = file.to_str().unwrap();
        for good in [
            &["--jwt-secret", GOOD][..],
            &["--jwt-secret", GOOD, "--jwt-algorithm", "HS256"],
            &["--jwt-public-key-file", file],
            &["--jwt-public-key-file", file, "--jwt-algorithm", "ES256"],
            &["--jwt-jwks-url", URL, "--jwt-algorithm", "RS256"],
            &["--jwt-jwks-url", URL, "--jwt-algorithm", "RS256,ES256,EdDSA"],
        ] {
            assert_eq!(open(good), Ok(()), "{good:?}");
        }
        for (bad, expected) in [
            (&[][..], "set one of JWT_SECRET, JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL"),
            (&["--jwt-secret", GOOD, "--jwt-jwks-url", URL], "JWT_SECRET and JWT_JWKS_URL are set"),
            (
                &["--jwt-secret", GOOD, "--jwt-public-key-file", file],
                "JWT_SECRET and JWT_PUBLIC_KEY_FILE are set",
            ),
            (&["--jwt-secret", GOOD, "--jwt-algorithm", "RS256"], "JWT_SECRET is for HS256"),
            (&["--jwt-secret", GOOD, "--jwt-algorithm", "none"], "no algorithm of ours"),
            (&["--jwt-public-key-file", file, "--jwt-algorithm", "RS256"], "is for ES256"),
            (&["--jwt-public-key-file", file, "--jwt-algorithm", "HS256"], "is for ES256"),
            (&["--jwt-public-key-file", file, "--jwt-algorithm", "ES256,RS256"], "is for ES256"),
            (&["--jwt-public-key-file", "/no/such/key"], "cannot be read"),
            (&["--jwt-public-key-file", "/dev/null"], "holds no public key"),
            (&["--jwt-jwks-url", URL], "does not fix the algorithm"),
            (&["--jwt-jwks-url", URL, "--jwt-algorithm", "RS256,HS256"], "not to be published"),
            (&["--jwt-jwks-url", "http://id.example/jwks"], "anybody on the way"),
            (&["--jwt-secret", GOOD, "--jwt-leeway", "301"], "300"),
            (&["--jwt-secret", GOOD, "--jwt-leeway", "-1"], "-1"),
            (&["--jwt-secret", GOOD, "--jwt-audience", " "], "it is empty"),
            (&["--jwt-secret", GOOD, "--jwt-issuer", ""], "empty"),
        ] {
            let refusal = open(bad).unwrap_err();
            assert!(refusal.contains(expected), "{bad:?}: {refusal}");
        }
    }

    #[test]
    fn a_weak_secret_is_refused_and_not_shown() {
        for weak in
            ["hunter2hunter2", "local development only", "local development only, 9f3a77q1z"]
        {
            let refusal = open(&["--jwt-secret", weak]).unwrap_err();
            assert!(refusal.contains("openssl rand -hex 32"), "{refusal}");
            assert!(!refusal.contains(weak), "{refusal}");
        }
        assert!(TokenArgs::local().open().is_ok());
        assert!(!format!("{:?}", TokenArgs::local()).contains("development"));
    }

    #[test]
    fn the_defaults_are_those_of_the_command_line() {
        let cli = Cli::try_parse_from(["service", "--jwt-secret", GOOD]).unwrap();
        let by_hand = TokenArgs::of_secret(GOOD.parse().unwrap());
        assert_eq!(format!("{:?}", cli.tokens), format!("{by_hand:?}"));
    }

    #[test]
    fn only_a_secret_signs() {
        assert!(TokenArgs::local().signer().is_some());
        let published = TokenArgs {
            jwt_secret: None,
            jwt_jwks_url: Some(URL.parse().unwrap()),
            ..TokenArgs::local()
        };
        assert!(published.signer().is_none());
    }
}
