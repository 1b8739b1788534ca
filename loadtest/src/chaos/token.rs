//! Tokens for the clients of a run, signed with the system's own secret.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

/// A token outlasts every jump of a clock, in seconds.
const TOKEN_LIFE: u64 = 30 * 24 * 3_600;

/// Signs who a client is.
#[derive(Debug)]
pub struct Tokens {
    /// Names the run; all its users and rooms begin with it.
    pub run: String,
    pub secret: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    /// Not the default room: everybody in one room is another load than the one that is asked for.
    rooms: [&'a str; 1],
    exp: u64,
}

impl Tokens {
    /// A token for a user.
    ///
    /// # Errors
    /// When the clock stands before 1970.
    pub fn sign(&self, user: &str) -> anyhow::Result<String> {
        self.sign_for(user, &format!("chaos-{}-*", self.run))
    }

    /// A token for a user who may enter the rooms of a pattern.
    ///
    /// # Errors
    /// When the clock stands before 1970.
    pub fn sign_for(&self, user: &str, rooms: &str) -> anyhow::Result<String> {
        sign(&self.secret, user, rooms)
    }
}

/// A token for a user who may enter the rooms of `pattern`.
///
/// # Errors
/// When the clock stands before 1970.
pub fn sign(secret: &str, user: &str, pattern: &str) -> anyhow::Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let claims = Claims { sub: user, rooms: [pattern], exp: now + TOKEN_LIFE };
    let key = EncodingKey::from_secret(secret.as_bytes());
    Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
}
