//! One key that tokens are checked with: a secret, from a PEM file, or of a key set.
//!
//! Pure. A key is for one algorithm, which its type decides, and is never tried with another: what
//! turns a public RSA key into a secret for HMAC finds no such key here.

use jsonwebtoken::{
    DecodingKey,
    crypto::verify,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};

use super::{algorithm::Algorithm, jws::Jws, secret::Secret};

/// Characters of base64 for 2048 bits, below which RSA is not safe.
const MIN_MODULUS_CHARS: usize = 2048 / 8 * 4 / 3;
/// Characters of base64 for 8192 bits, above which checking costs too much.
const MAX_MODULUS_CHARS: usize = 8192 / 8 * 4 / 3 + 2;
/// Characters of base64 for 32 bytes: a coordinate on P-256, or an Ed25519 key.
const CHARS_OF_32_BYTES: usize = 43;

/// A key, for one algorithm.
pub(super) struct Key {
    pub algorithm: Algorithm,
    /// What its issuer calls it.
    pub kid: Option<String>,
    decoding: DecodingKey,
}

impl Key {
    pub(super) fn of_secret(secret: &Secret) -> Self {
        let decoding = DecodingKey::from_secret(secret.as_bytes());
        Self { algorithm: Algorithm::Hs256, kid: None, decoding }
    }

    /// Reads a public key in PEM (SPKI, or PKCS #1 for RSA).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn of_pem(pem: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(pem);
        if text.contains("PRIVATE KEY-----") {
            return Err("holds a private key, which nobody but the issuer should have; expected \
                        the public one (`openssl pkey -in private.pem -pubout`)"
                .to_owned());
        }
        let none = "holds no public key; expected RSA, P-256 or Ed25519 in PEM, beginning with \
                    -----BEGIN PUBLIC KEY-----";
        if !text.contains("-----BEGIN PUBLIC KEY") && !text.contains("-----BEGIN RSA PUBLIC KEY") {
            return Err(none.to_owned());
        }
        let read = [DecodingKey::from_rsa_pem, DecodingKey::from_ec_pem, DecodingKey::from_ed_pem];
        let decoding = read.into_iter().find_map(|read| read(pem).ok()).ok_or(none)?;
        let jwk = Jwk::from_decoding_key(&decoding, None).map_err(|_| none)?;
        let algorithm = algorithm_of(&jwk.algorithm).map_err(|what| format!("holds {what}"))?;
        Ok(Self { algorithm, kid: None, decoding })
    }

    /// A key of a set.
    ///
    /// # Errors
    /// Why it is of no use here.
    pub(super) fn of_jwk(jwk: &Jwk) -> Result<Self, &'static str> {
        let algorithm = algorithm_of(&jwk.algorithm)?;
        let common = &jwk.common;
        if common.public_key_use.as_ref().is_some_and(|one| *one != PublicKeyUse::Signature) {
            return Err("a key that is not for signatures");
        }
        let verifies = |allowed: &Vec<KeyOperations>| allowed.contains(&KeyOperations::Verify);
        if common.key_operations.as_ref().is_some_and(|allowed| !verifies(allowed)) {
            return Err("a key that is not for verifying");
        }
        let named = jsonwebtoken::Algorithm::from(algorithm).into();
        if common.key_algorithm.is_some_and(|one| one != named) {
            return Err("a key for another algorithm than its type's");
        }
        let decoding = DecodingKey::from_jwk(jwk).map_err(|_| "a key that is malformed")?;
        Ok(Self { algorithm, kid: common.key_id.clone(), decoding })
    }

    /// Whether the token is signed with this key, by its algorithm.
    pub(super) fn has_signed(&self, jws: &Jws<'_>) -> bool {
        let (message, algorithm) = (jws.message.as_bytes(), self.algorithm.into());
        jws.algorithm == self.algorithm
            && verify(jws.signature, message, &self.decoding, algorithm).unwrap_or(false)
    }
}

/// The algorithm that a key's type is for.
fn algorithm_of(parameters: &AlgorithmParameters) -> Result<Algorithm, &'static str> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => match rsa.n.trim_start_matches('A').len() {
            0..MIN_MODULUS_CHARS => Err("an RSA key of less than 2048 bits"),
            MIN_MODULUS_CHARS..=MAX_MODULUS_CHARS => Ok(Algorithm::Rs256),
            _ => Err("an RSA key of more than 8192 bits"),
        },
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256
                if [&ec.x, &ec.y].iter().all(|part| part.len() == CHARS_OF_32_BYTES) =>
            {
                Ok(Algorithm::Es256)
            }
            EllipticCurve::P256 => Err("a P-256 key that is malformed"),
            _ => Err("a key on another curve than P-256"),
        },
        AlgorithmParameters::OctetKeyPair(ed) => match ed.curve {
            EllipticCurve::Ed25519 if ed.x.len() == CHARS_OF_32_BYTES => Ok(Algorithm::EdDsa),
            EllipticCurve::Ed25519 => Err("an Ed25519 key that is malformed"),
            _ => Err("a key pair on another curve than Ed25519"),
        },
        AlgorithmParameters::OctetKey(_) => Err("a secret, which has no place in a key set"),
        _ => Err("a key of an unknown type"),
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::*;
    use crate::token::test_key::{TestKey, token};

    fn of(jwk: &Value) -> Result<Algorithm, &'static str> {
        let jwk: Jwk = serde_json::from_value(jwk.clone()).unwrap();
        Key::of_jwk(&jwk).map(|key| key.algorithm)
    }

    #[test]
    fn a_keys_type_decides_the_algorithm() {
        for key in TestKey::one_of_each() {
            let from_pem = Key::of_pem(key.pem.as_bytes()).unwrap();
            let jwk: Jwk = serde_json::from_value(key.jwk("k-1")).unwrap();
            let from_jwk = Key::of_jwk(&jwk).unwrap();
            assert_eq!((from_pem.algorithm, from_pem.kid), (key.algorithm, None));
            assert_eq!((from_jwk.algorithm, from_jwk.kid), (key.algorithm, Some("k-1".into())));
        }
    }

    #[test]
    fn a_key_tells_its_own_signature_from_all_others() {
        let keys = TestKey::one_of_each();
        for signer in &keys {
            let text = signer.sign(&json!({ "alg": signer.algorithm.as_str() }), &json!({}));
            let jws = Jws::parse(&text).unwrap();
            for key in &keys {
                let own = key.algorithm == signer.algorithm;
                for read in [Key::of_pem(key.pem.as_bytes()).unwrap(), key.verifying("k")] {
                    assert_eq!(
                        read.has_signed(&jws),
                        own,
                        "{} {}",
                        key.algorithm,
                        signer.algorithm
                    );
                }
            }
            // A token that names this key's algorithm, signed by another.
            let other = keys.iter().find(|key| key.algorithm != signer.algorithm).unwrap();
            let text = signer.sign(&json!({ "alg": other.algorithm.as_str() }), &json!({}));
            assert!(!other.verifying("k").has_signed(&Jws::parse(&text).unwrap()));
        }
    }

    /// The public key, which everybody knows, as the secret of HS256 (RFC 8725 §2.1).
    #[test]
    fn a_public_key_is_no_secret() {
        for key in TestKey::one_of_each() {
            let secret = EncodingKey::from_secret(key.pem.as_bytes());
            for named in [Algorithm::Hs256, key.algorithm] {
                let header = json!({ "alg": named.as_str() });
                let text = token(&header, &json!({}), &secret, Algorithm::Hs256);
                let jws = Jws::parse(&text).unwrap();
                assert!(!Key::of_pem(key.pem.as_bytes()).unwrap().has_signed(&jws));
                assert!(!key.verifying("k").has_signed(&jws));
            }
        }
    }

    #[test]
    fn keys_that_are_not_for_this_are_refused() {
        let [rsa, ec, ed] = TestKey::one_of_each().map(|key| key.jwk("k"));
        let with = |key: &Value, name: &str, value: Value| {
            let mut key = key.clone();
            key[name] = value;
            key
        };
        assert_eq!(of(&with(&rsa, "use", json!("sig"))), Ok(Algorithm::Rs256));
        assert_eq!(of(&with(&rsa, "key_ops", json!(["verify"]))), Ok(Algorithm::Rs256));
        for (jwk, expected) in [
            (with(&rsa, "use", json!("enc")), "not for signatures"),
            (with(&rsa, "use", json!("x")), "not for signatures"),
            (with(&rsa, "key_ops", json!(["encrypt"])), "not for verifying"),
            (with(&rsa, "alg", json!("RS512")), "another algorithm"),
            (with(&rsa, "alg", json!("HS256")), "another algorithm"),
            (with(&rsa, "alg", json!("what")), "another algorithm"),
            (with(&ec, "alg", json!("RS256")), "another algorithm"),
            (with(&rsa, "n", json!("AQAB")), "less than 2048"),
            (with(&rsa, "n", json!(format!("{}AQAB", "A".repeat(400)))), "less than 2048"),
            (with(&rsa, "n", json!("x".repeat(2_000))), "more than 8192"),
            (with(&ec, "crv", json!("P-384")), "another curve"),
            (with(&ec, "x", json!("AQAB")), "malformed"),
            (with(&ec, "x", json!("!".repeat(43))), "malformed"),
            (with(&ed, "x", json!("AQAB")), "malformed"),
            (json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "k" }), "a secret"),
            (json!({ "kty": "OKP", "crv": "X25519", "x": "AQAB" }), "unknown type"),
            (json!({ "kty": "what" }), "unknown type"),
        ] {
            assert!(of(&jwk).unwrap_err().contains(expected), "{jwk}: {:?}", of(&jwk));
        }
    }

    #[test]
    fn a_pem_file_holds_one_public_key() {
        for (pem, expected) in [
            ("", "no public key"),
            ("-----BEGIN PUBLIC KEY-----\nMAo=\n-----END PUBLIC KEY-----\n", "no public key"),
            ("-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n", "no public key"),
            ("-----BEGIN PRIVATE KEY-----\nMAo=\n-----END PRIVATE KEY-----\n", "a private key"),
            ("-----BEGIN EC PRIVATE KEY-----\nMAo=\n", "a private key"),
            (include_str!("../../tests/keys/p384.pub.pem"), "another curve than P-256"),
            (include_str!("../../tests/keys/rsa1024.pub.pem"), "less than 2048"),
        ] {
            let refusal = Key::of_pem(pem.as_bytes()).err().unwrap();
            assert!(refusal.contains(expected), "{pem}: {refusal}");
        }
        let openssl = include_str!("../../tests/keys/rsa2048.pub.pem");
        assert_eq!(Key::of_pem(openssl.as_bytes()).unwrap().algorithm, Algorithm::Rs256);
        assert!(Key::of_pem(&[0xff; 100]).is_err());
    }
}
