//! JSON Web Tokens: from a client's `auth.token` to who one is.
//!
//! The algorithm is fixed by configuration and never taken from the token (RFC 8725 §3.1). What an
//! identity may do in a room is decided by [`Identity`]; when it is asked is the session's business.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;
use wire::{
    RoomName, Timestamp, User,
    error::{AUTHENTICATION_REQUIRED, INVALID_TOKEN},
};

/// The longest user id or name in bytes; tokens with longer ones are refused.
pub const MAX_NAME_BYTES: usize = 128;
/// Seconds by which clocks may differ.
const LEEWAY: u64 = 30;

/// The claims that Starling reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default)]
    pub role: Role,
    /// Patterns of rooms that the bearer may enter; `*` stands for any text. Default: every room.
    #[serde(default = "every_room")]
    pub rooms: Vec<String>,
    /// Seconds since the Unix epoch.
    pub exp: u64,
}

fn every_room() -> Vec<String> {
    vec!["*".to_owned()]
}

/// What kind of party a token is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    User,
    Admin,
    Service,
}

/// Who one is, by one's token.
#[derive(Debug, Clone)]
pub struct Identity {
    pub user: User,
    pub role: Role,
    rooms: Arc<[WildMatch]>,
}

impl Identity {
    /// Whether the token allows the room.
    pub fn may_enter(&self, room: &RoomName) -> bool {
        self.rooms.iter().any(|pattern| pattern.matches(room.as_str()))
    }
}

impl From<Claims> for Identity {
    fn from(claims: Claims) -> Self {
        let name = claims.name.filter(|name| !name.trim().is_empty());
        let user_id: Arc<str> = claims.sub.into();
        let username = name.map_or_else(|| user_id.clone(), Arc::from);
        Self {
            user: User { user_id, username },
            role: claims.role,
            rooms: claims.rooms.iter().map(|pattern| WildMatch::new(pattern)).collect(),
        }
    }
}

/// Why a connection is refused; what a client sees as `connect_error.message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("{AUTHENTICATION_REQUIRED}")]
    Missing,
    #[error("{INVALID_TOKEN}")]
    Invalid,
}

/// Reads a secret from the configuration.
///
/// # Errors
/// When it has less than 16 bytes.
pub fn secret(text: &str) -> Result<String, String> {
    if text.len() < 16 {
        return Err(format!("the secret has {} bytes; expected at least 16", text.len()));
    }
    Ok(text.to_owned())
}

/// Signs and verifies with one shared secret (HS256).
#[derive(Clone)]
pub struct Tokens {
    decoding: DecodingKey,
    encoding: EncodingKey,
    validation: Validation,
}

impl Tokens {
    pub fn hs256(secret: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY;
        validation.set_required_spec_claims(&["exp", "sub"]);
        validation.validate_aud = false;
        Self {
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            encoding: EncodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    /// Who the bearer of `token` is.
    ///
    /// # Errors
    /// [`TokenError::Missing`] without a token, [`TokenError::Invalid`] with any that is malformed,
    /// signed otherwise, expired, or names nobody.
    pub fn identify(&self, token: Option<&str>) -> Result<Identity, TokenError> {
        let token = token.filter(|token| !token.is_empty()).ok_or(TokenError::Missing)?;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let named = |text: &str| !text.trim().is_empty() && text.len() <= MAX_NAME_BYTES;
        if !named(&claims.sub) || claims.name.as_ref().is_some_and(|n| n.len() > MAX_NAME_BYTES) {
            return Err(TokenError::Invalid);
        }
        Ok(claims.into())
    }

    /// Signs claims that expire in `seconds`; used by the local stack's `/dev/token`.
    ///
    /// # Errors
    /// When the claims cannot be written.
    pub fn sign(
        &self,
        mut claims: Claims,
        seconds: u64,
    ) -> jsonwebtoken::errors::Result<(String, Timestamp)> {
        claims.exp = Timestamp::now().as_millis() / 1_000 + seconds;
        let expires = Timestamp::from_millis(claims.exp * 1_000);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)?;
        Ok((token, expires))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(sub: &str, rooms: &[&str]) -> Claims {
        Claims {
            sub: sub.into(),
            name: None,
            role: Role::User,
            rooms: rooms.iter().map(|&room| room.into()).collect(),
            exp: 0,
        }
    }

    #[test]
    fn a_signed_token_identifies() {
        let tokens = Tokens::hs256("secret");
        let mut claims = claims("u1", &["team-*", "general"]);
        claims.name = Some("Una".into());
        claims.role = Role::Admin;
        let (token, _) = tokens.sign(claims, 60).unwrap();
        let identity = tokens.identify(Some(&token)).unwrap();
        assert_eq!((&*identity.user.user_id, &*identity.user.username), ("u1", "Una"));
        assert_eq!(identity.role, Role::Admin);
        for (room, may) in [("general", true), ("team-a", true), ("team", false), ("x", false)] {
            assert_eq!(identity.may_enter(&RoomName::parse(room).unwrap()), may, "{room}");
        }
    }

    #[test]
    fn a_plain_token_may_enter_everywhere() {
        let tokens = Tokens::hs256("secret");
        let json = serde_json::json!({ "sub": "u", "exp": u32::MAX });
        let key = EncodingKey::from_secret(b"secret");
        let token = jsonwebtoken::encode(&Header::default(), &json, &key).unwrap();
        let identity = tokens.identify(Some(&token)).unwrap();
        assert_eq!(identity.user.username, identity.user.user_id);
        assert!(identity.may_enter(&RoomName::parse("any room * > 🐦").unwrap()));
    }

    #[test]
    fn refused_tokens() {
        let tokens = Tokens::hs256("secret");
        assert_eq!(tokens.identify(None).unwrap_err(), TokenError::Missing);
        assert_eq!(tokens.identify(Some("")).unwrap_err(), TokenError::Missing);
        let (forged, _) = Tokens::hs256("other").sign(claims("u", &["*"]), 60).unwrap();
        let (nobody, _) = tokens.sign(claims(" ", &["*"]), 60).unwrap();
        let (long, _) = tokens.sign(claims(&"x".repeat(129), &["*"]), 60).unwrap();
        let key = EncodingKey::from_secret(b"secret");
        let sign = |header: &Header, claims: serde_json::Value| {
            jsonwebtoken::encode(header, &claims, &key).unwrap()
        };
        let hs256 = Header::default();
        let expired = sign(&hs256, serde_json::json!({ "sub": "u", "exp": 1 }));
        let endless = sign(&hs256, serde_json::json!({ "sub": "u" }));
        let hs512 =
            sign(&Header::new(Algorithm::HS512), serde_json::json!({"sub":"u","exp":u32::MAX}));
        // {"alg":"none"} with an empty signature.
        let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1IiwiZXhwIjo0Mjk0OTY3Mjk1fQ.";
        for token in [&*forged, &nobody, &long, &expired, &endless, &hs512, unsigned, "a.b.c", "x"]
        {
            assert_eq!(tokens.identify(Some(token)).unwrap_err(), TokenError::Invalid, "{token}");
        }
    }
}
