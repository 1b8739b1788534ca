//! A token's three parts (RFC 7515, compact), and what its header may say.
//!
//! Pure, and over bytes from anybody. The header chooses among what is configured and adds nothing: a
//! key that a token brings along, or says where to find, is refused rather than passed over.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::IgnoredAny};

use super::algorithm::Algorithm;

/// The longest token in bytes; longer ones are refused unread.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// The longest name of a key.
const MAX_KID_BYTES: usize = 256;

/// A token taken apart, with nothing checked yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Jws<'t> {
    pub algorithm: Algorithm,
    /// Which key of the issuer's it names.
    pub kid: Option<String>,
    /// What is signed.
    pub message: &'t str,
    /// The signature, in base64.
    pub signature: &'t str,
    /// The claims, in JSON.
    pub payload: Vec<u8>,
}

/// What is read of a header; the rest has no meaning here.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    jwk: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
    /// Extensions that must be understood; none is.
    crit: Option<IgnoredAny>,
}

impl<'t> Jws<'t> {
    /// Takes a token apart; `None` for what is none, or names an algorithm or a key of its own choice.
    pub(super) fn parse(token: &'t str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        let Header { alg, kid, jwk, jku, x5u, x5c, crit } = header;
        if [jwk, jku, x5u, x5c, crit].iter().any(Option::is_some) {
            return None;
        }
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return None;
        }
        let algorithm = Algorithm::named(&alg)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
        Some(Self { algorithm, kid, message, signature, payload })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn token(header: &Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{}.c2ln", URL_SAFE_NO_PAD.encode("{}"))
    }

    #[test]
    fn a_header_names_an_algorithm_and_a_key() {
        let token = token(&json!({ "alg": "ES256", "kid": "k-1", "typ": "at+jwt", "x5t": "x" }));
        let jws = Jws::parse(&token).unwrap();
        assert_eq!((jws.algorithm, jws.kid.as_deref()), (Algorithm::Es256, Some("k-1")));
        assert_eq!((jws.signature, &*jws.payload), ("c2ln", b"{}".as_slice()));
        assert_eq!(format!("{}.c2ln", jws.message), token);
    }

    #[test]
    fn headers_that_bring_a_choice_of_their_own_are_refused() {
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "NONE" }),
            json!({ "alg": "HS512" }),
            json!({ "alg": "hs256" }),
            json!({ "alg": ["HS256"] }),
            json!({ "alg": null }),
            json!({}),
            json!([]),
            json!({ "alg": "RS256", "jwk": { "kty": "RSA", "n": "AQAB", "e": "AQAB" } }),
            json!({ "alg": "RS256", "jku": "https://evil.example/jwks" }),
            json!({ "alg": "RS256", "x5u": "https://evil.example/chain.pem" }),
            json!({ "alg": "RS256", "x5c": ["MIIB"] }),
            json!({ "alg": "RS256", "crit": ["b64"], "b64": false }),
            json!({ "alg": "RS256", "kid": "k".repeat(257) }),
            json!({ "alg": "RS256", "kid": 7 }),
        ] {
            assert_eq!(Jws::parse(&token(&header)), None, "{header}");
        }
        // The same name twice: which of them was meant?
        let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","alg":"none"}"#);
        assert_eq!(Jws::parse(&format!("{twice}.e30.c2ln")), None);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = token(&json!({ "alg": "HS256" }));
        assert!(Jws::parse(&good).is_some());
        for text in ["", ".", "..", "...", "a.b.c", "e30.e30", &format!("{good}.x"), "\u{0}.é.\n"]
        {
            assert_eq!(Jws::parse(text), None, "{text:?}");
        }
        let filler = "A".repeat(MAX_TOKEN_BYTES);
        assert_eq!(Jws::parse(&format!("{good}{filler}")), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Za-z0-9_.=-]{0,200}|.*") {
            let _ = Jws::parse(&text);
        }

        #[test]
        fn no_header_panics(bytes: Vec<u8>) {
            let _ = Jws::parse(&format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(bytes)));
        }
    }
}
