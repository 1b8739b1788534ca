//! A JWKS (RFC 7517): the keys by which an issuer's tokens are told.
//!
//! Pure. What a set holds beside keys for the configured algorithms is passed over: issuers publish
//! keys for encryption, and kinds of keys that are yet to come, in the same document.

use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde_json::Value;

use super::{algorithm::Algorithm, jws::Jws, key::Key};

/// The most keys that a set may hold; an issuer has a handful.
const MAX_KEYS: usize = 100;

/// The keys of a set that are of use.
pub(super) struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a document for its keys of these algorithms. A document that is well-formed and holds none
    /// gives an empty set: the issuer has taken its keys back.
    ///
    /// # Errors
    /// Why it is no key set.
    pub(super) fn parse(document: &[u8], algorithms: &[Algorithm]) -> Result<Self, String> {
        let Document { keys } = serde_json::from_slice(document)
            .map_err(|error| format!("what it holds is no key set (JWKS): {error}"))?;
        if keys.len() > MAX_KEYS {
            return Err(format!("it holds {} keys, and {MAX_KEYS} are allowed", keys.len()));
        }
        let read = |key| {
            let key = Key::of_jwk(&serde_json::from_value::<Jwk>(key).ok()?).ok()?;
            algorithms.contains(&key.algorithm).then_some(key)
        };
        Ok(Self(keys.into_iter().filter_map(read).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key that a token names. One that names none means the only one of its algorithm.
    pub(super) fn find(&self, jws: &Jws<'_>) -> Option<&Key> {
        let mut fitting = self.0.iter().filter(|key| key.algorithm == jws.algorithm);
        match &jws.kid {
            Some(_) => fitting.find(|key| key.kid == jws.kid),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::token::test_key::TestKey;

    const ALL: [Algorithm; 3] = [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

    fn set(keys: &[Value], algorithms: &[Algorithm]) -> KeySet {
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes(), algorithms).unwrap()
    }

    #[test]
    fn a_token_names_its_key() {
        let [one, two, other] = [TestKey::ed(), TestKey::ed(), TestKey::ec()];
        let keys = [one.jwk("one"), two.jwk("two"), other.jwk("other")];
        let all = set(&keys, &ALL);
        let found = |set: &KeySet, header: Value| {
            let text = one.sign(&header, &json!({}));
            set.find(&Jws::parse(&text).unwrap()).map(|key| key.kid.clone().unwrap())
        };
        let named = |kid: &str| json!({ "alg": "EdDSA", "kid": kid });
        assert_eq!(found(&all, named("one")).as_deref(), Some("one"));
        assert_eq!(found(&all, named("two")).as_deref(), Some("two"));
        // Of another algorithm, unknown, not named though there are two.
        assert_eq!(found(&all, named("other")), None);
        assert_eq!(found(&all, named("three")), None);
        assert_eq!(found(&all, json!({ "alg": "EdDSA" })), None);
        assert_eq!(found(&all, json!({ "alg": "ES256" })).as_deref(), Some("other"));
        assert_eq!(
            found(&set(&keys[..1], &ALL), json!({ "alg": "EdDSA" })).as_deref(),
            Some("one")
        );
        // What is not configured is not there.
        let only_ec = set(&keys, &[Algorithm::Es256]);
        assert_eq!(found(&only_ec, named("one")), None);
    }

    #[test]
    fn one_bad_key_spoils_no_other() {
        let key = TestKey::ed().jwk("good");
        let rest = [
            json!(null),
            json!(7),
            json!({}),
            json!({ "kty": "RSA", "n": 5 }),
            json!({ "kty": "new" }),
        ];
        let keys = [&rest[..], &[key]].concat();
        assert_eq!(set(&keys, &ALL).0.len(), 1);
        assert!(set(&rest, &ALL).is_empty());
    }

    #[test]
    fn what_is_no_key_set_is_told() {
        for document in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
            assert!(KeySet::parse(document.as_bytes(), &ALL).is_err(), "{document}");
        }
        let many = json!({ "keys": vec![json!({}); MAX_KEYS + 1] }).to_string();
        assert!(KeySet::parse(many.as_bytes(), &ALL).err().unwrap().contains("100 are allowed"));
    }

    proptest! {
        #[test]
        fn no_document_panics(bytes: Vec<u8>, text in r#"\{"keys":\[\{"kty":"(RSA|EC|OKP)","(n|x|e|y)":".{0,90}"\}\]\}"#) {
            let _ = KeySet::parse(&bytes, &ALL);
            let _ = KeySet::parse(text.as_bytes(), &ALL);
        }
    }
}
