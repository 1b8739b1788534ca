//! Development tokens, signed for whoever asks. Only with a secret: a public key signs nothing.

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;
use wire::Timestamp;

use super::{identity::Role, secret::Secret};

/// What a token is to say of its bearer.
#[derive(Debug, Clone, Serialize)]
pub struct Claims {
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub role: Role,
    /// Patterns of rooms that the bearer may enter; `*` stands for any text.
    pub rooms: Vec<String>,
}

#[derive(Serialize)]
struct Signed<'c> {
    #[serde(flatten)]
    claims: &'c Claims,
    exp: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<&'c str>,
}

/// Signs tokens that the verifier of the same settings takes.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Signer {
    pub(super) fn new(secret: &Secret, issuer: Option<String>, audience: Option<String>) -> Self {
        Self { key: EncodingKey::from_secret(secret.as_bytes()), issuer, audience }
    }

    /// Signs claims that expire `seconds` after `now`; the token, and when that is.
    ///
    /// # Errors
    /// When the claims cannot be written.
    pub fn sign(
        &self,
        claims: &Claims,
        seconds: u64,
        now: Timestamp,
    ) -> anyhow::Result<(String, Timestamp)> {
        let exp = (now.as_millis() / 1_000).saturating_add(seconds);
        let (iss, aud) = (self.issuer.as_deref(), self.audience.as_deref());
        let signed = Signed { claims, exp, iss, aud };
        let token = jsonwebtoken::encode(&Header::default(), &signed, &self.key)?;
        Ok((token, Timestamp::from_millis(exp.saturating_mul(1_000))))
    }
}
