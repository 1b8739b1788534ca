//! Keys of each kind for tests, made anew, and tokens with any header.

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{EncodingKey, crypto::sign, jwk::Jwk};
use serde_json::Value;

use super::{algorithm::Algorithm, key::Key};

/// A pair of keys.
pub(super) struct TestKey {
    pub algorithm: Algorithm,
    /// The public one.
    pub pem: String,
    signing: EncodingKey,
}

impl TestKey {
    pub(super) fn one_of_each() -> [Self; 3] {
        [Self::rsa(), Self::ec(), Self::ed()]
    }

    pub(super) fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key().as_der().unwrap();
        let private = pem("PRIVATE KEY", pair.as_der().unwrap().as_ref());
        let signing = EncodingKey::from_rsa_pem(private.as_bytes()).unwrap();
        Self { algorithm: Algorithm::Rs256, pem: pem("PUBLIC KEY", public.as_ref()), signing }
    }

    pub(super) fn ec() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public = pair.public_key().as_der().unwrap();
        let signing = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self { algorithm: Algorithm::Es256, pem: pem("PUBLIC KEY", public.as_ref()), signing }
    }

    pub(super) fn ed() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key().as_der().unwrap();
        let signing = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
        Self { algorithm: Algorithm::EdDsa, pem: pem("PUBLIC KEY", public.as_ref()), signing }
    }

    /// The public key as a key set has it.
    pub(super) fn jwk(&self, kid: &str) -> Value {
        let jwk = Jwk::from_encoding_key(&self.signing, self.algorithm.into()).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = kid.into();
        jwk
    }

    pub(super) fn verifying(&self, kid: &str) -> Key {
        Key::of_jwk(&serde_json::from_value(self.jwk(kid)).unwrap()).unwrap()
    }

    /// A token by this key and its algorithm, whatever the header says.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        token(header, claims, &self.signing, self.algorithm)
    }
}

/// A token with any header.
pub(super) fn token(
    header: &Value,
    claims: &Value,
    key: &EncodingKey,
    algorithm: Algorithm,
) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let signature = sign(message.as_bytes(), key, algorithm.into()).unwrap();
    format!("{message}.{signature}")
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}
