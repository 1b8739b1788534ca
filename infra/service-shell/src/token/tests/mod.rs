//! Tokens of friends and of attackers, against every kind of key.

mod issuer;

use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use wire::Timestamp;

use super::{
    algorithm::Algorithm,
    args::TokenArgs,
    secret::Secret,
    signer::Claims,
    test_key::{TestKey, token},
    verifier::{TokenError, Verifier},
};
use crate::token::Role;

/// In seconds.
const NOW: u64 = 1_800_000_000;
const SECRET: &str = "a secret of these tests";

fn now() -> Timestamp {
    Timestamp::from_millis(NOW * 1_000)
}

fn good() -> Value {
    json!({ "sub": "u", "exp": NOW + 60 })
}

fn secret_verifier() -> Verifier {
    TokenArgs::of_secret(Secret::own(SECRET)).open().unwrap().0
}

fn pem_verifier(key: &TestKey) -> Verifier {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &key.pem).unwrap();
    let args = TokenArgs {
        jwt_secret: None,
        jwt_public_key_file: Some(file.path().to_owned()),
        ..TokenArgs::local()
    };
    args.open().unwrap().0
}

async fn refused(verifier: &Verifier, token: &str) {
    assert_eq!(
        verifier.identify(Some(token), now()).await.err(),
        Some(TokenError::Invalid),
        "{token}"
    );
}

#[tokio::test]
async fn a_development_token_identifies() {
    let args = TokenArgs {
        jwt_issuer: Some("https://id.example".to_owned()),
        jwt_audience: Some("chat".to_owned()),
        ..TokenArgs::of_secret(Secret::own(SECRET))
    };
    let (verifier, _) = args.open().unwrap();
    let claims = Claims {
        sub: "u1".to_owned(),
        name: Some("Una".to_owned()),
        role: Role::Admin,
        rooms: vec!["team-*".to_owned()],
    };
    let (token, expires) = args.signer().unwrap().sign(&claims, 60, now()).unwrap();
    let identity = verifier.identify(Some(&token), now()).await.unwrap();
    assert_eq!((&*identity.user.user_id, &*identity.user.username), ("u1", "Una"));
    assert_eq!((identity.role, identity.expires), (Role::Admin, expires));
    assert_eq!(expires.as_millis(), (NOW + 60) * 1_000);
    assert!(verifier.trouble().is_none());
    let (strict, _) = TokenArgs { jwt_audience: Some("web".to_owned()), ..args }.open().unwrap();
    refused(&strict, &token).await;
}

#[tokio::test]
async fn without_a_token_one_is_asked_for() {
    for none in [None, Some("")] {
        let refusal = secret_verifier().identify(none, now()).await.err();
        assert_eq!(refusal, Some(TokenError::Missing));
    }
}

/// RFC 8725 §2: what has worked on others.
#[tokio::test]
async fn forged_tokens_are_refused_by_a_secret() {
    let verifier = secret_verifier();
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let hs256 = json!({ "alg": "HS256" });
    let signed = token(&hs256, &good(), &key, Algorithm::Hs256);
    assert!(verifier.identify(Some(&signed), now()).await.is_ok());
    let (message, signature) = signed.rsplit_once('.').unwrap();
    let other = EncodingKey::from_secret(b"another secret");
    let mut claims = good();
    for forged in [
        token(&hs256, &good(), &other, Algorithm::Hs256),
        token(&hs256, &good(), &EncodingKey::from_secret(b""), Algorithm::Hs256),
        format!("{message}."),
        message.to_owned(),
        format!("{message}.{}", "A".repeat(43)),
        format!("{message}.{signature}.{signature}"),
        format!(" {signed}"),
        format!("{signed}\n"),
        {
            claims["exp"] = json!(NOW - 31);
            token(&hs256, &claims, &key, Algorithm::Hs256)
        },
        token(&hs256, &json!({ "sub": "u" }), &key, Algorithm::Hs256),
        token(
            &hs256,
            &json!({ "sub": "u", "exp": NOW + 60, "rooms": vec!["x"; 10_000] }),
            &key,
            Algorithm::Hs256,
        ),
    ] {
        refused(&verifier, &forged).await;
    }
    // Signed by the right key, and yet: the header asks for what nobody has configured.
    for header in [
        json!({ "alg": "none" }),
        json!({ "alg": "HS512" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "HS256", "jku": "https://evil.example" }),
        json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": "YW5vdGhlciBzZWNyZXQ" } }),
        json!({ "alg": "HS256", "crit": ["exp"] }),
    ] {
        refused(&verifier, &token(&header, &good(), &key, Algorithm::Hs256)).await;
        refused(&verifier, &token(&header, &good(), &other, Algorithm::Hs256)).await;
    }
}

#[tokio::test]
async fn forged_tokens_are_refused_by_a_public_key() {
    let keys = TestKey::one_of_each();
    for key in &keys {
        let verifier = pem_verifier(key);
        let header = json!({ "alg": key.algorithm.as_str() });
        let signed = key.sign(&header, &good());
        assert!(verifier.identify(Some(&signed), now()).await.is_ok(), "{}", key.algorithm);
        // The public key as a secret, the classic.
        let confused = EncodingKey::from_secret(key.pem.as_bytes());
        for named in Algorithm::ALL {
            let header = json!({ "alg": named.as_str() });
            refused(&verifier, &token(&header, &good(), &confused, Algorithm::Hs256)).await;
        }
        for other in keys.iter().filter(|other| other.algorithm != key.algorithm) {
            refused(&verifier, &other.sign(&header, &good())).await;
            let own = json!({ "alg": other.algorithm.as_str() });
            refused(&verifier, &other.sign(&own, &good())).await;
            let brought = json!({ "alg": other.algorithm.as_str(), "jwk": other.jwk("k") });
            refused(&verifier, &other.sign(&brought, &good())).await;
        }
        let (message, signature) = signed.rsplit_once('.').unwrap();
        for signature in ["", "AAAA", &"A".repeat(86), &"A".repeat(342)] {
            refused(&verifier, &format!("{message}.{signature}")).await;
        }
        assert!(signature.len() > 80);
    }
}
