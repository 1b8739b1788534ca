//! All of it together: a token in, an identity out.

use std::sync::Arc;

use wire::{
    Timestamp,
    error::{AUTHENTICATION_REQUIRED, INVALID_TOKEN},
};

use super::{
    algorithm::Algorithm,
    claims::{Expected, ReceivedClaims},
    identity::Identity,
    jws::Jws,
    key::Key,
    remote_keys::RemoteKeys,
};

/// Why a connection is refused; what a client sees as `connect_error.message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("{AUTHENTICATION_REQUIRED}")]
    Missing,
    #[error("{INVALID_TOKEN}")]
    Invalid,
    /// The issuer's keys cannot be had just now: later the same token may be as good as any.
    #[error("tokens cannot be checked just now; try again")]
    Unavailable,
}

/// Checks tokens. A clone is the same.
#[derive(Clone)]
pub struct Verifier {
    keys: Keys,
    policy: Arc<Policy>,
}

#[derive(Clone)]
enum Keys {
    Fixed(Arc<Key>),
    Remote(RemoteKeys),
}

struct Policy {
    algorithms: Vec<Algorithm>,
    expected: Expected,
}

impl Verifier {
    pub(super) fn with_key(key: Key, expected: Expected) -> Self {
        let policy = Policy { algorithms: vec![key.algorithm], expected };
        Self { keys: Keys::Fixed(Arc::new(key)), policy: Arc::new(policy) }
    }

    pub(super) fn with_remote_keys(
        keys: RemoteKeys,
        algorithms: Vec<Algorithm>,
        expected: Expected,
    ) -> Self {
        Self { keys: Keys::Remote(keys), policy: Arc::new(Policy { algorithms, expected }) }
    }

    /// Who the bearer of `token` is. Answers at once, but where the token names a key that its issuer
    /// may have just begun to use: then it waits for the issuer's keys, some seconds at most.
    ///
    /// # Errors
    /// [`TokenError::Missing`] without a token; [`TokenError::Invalid`] with any that is malformed,
    /// signed otherwise, of another issuer, expired, or names nobody; [`TokenError::Unavailable`] where
    /// its key cannot be had.
    pub async fn identify(
        &self,
        token: Option<&str>,
        now: Timestamp,
    ) -> Result<Identity, TokenError> {
        let token = token.filter(|token| !token.is_empty()).ok_or(TokenError::Missing)?;
        let jws = Jws::parse(token).ok_or(TokenError::Invalid)?;
        if !self.policy.algorithms.contains(&jws.algorithm) {
            return Err(TokenError::Invalid);
        }
        // What would be refused in any case is worth no question to the issuer.
        let claims = ReceivedClaims::parse(&jws.payload).ok_or(TokenError::Invalid)?;
        let identity = claims.identity(&self.policy.expected, now).ok_or(TokenError::Invalid)?;
        match &self.keys {
            Keys::Fixed(key) if key.has_signed(&jws) => Ok(identity),
            Keys::Fixed(_) => Err(TokenError::Invalid),
            Keys::Remote(keys) => keys.check(&jws).await.map(|()| identity),
        }
    }

    /// What keeps tokens from being checked, if anything does: a service without keys is not ready.
    pub fn trouble(&self) -> Option<String> {
        match &self.keys {
            Keys::Fixed(_) => None,
            Keys::Remote(keys) => keys.trouble(),
        }
    }

    /// Seconds by which clocks may differ.
    pub fn leeway(&self) -> u64 {
        self.policy.expected.leeway
    }
}
