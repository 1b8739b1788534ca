//! Keys that an issuer publishes: fetched, kept, dropped, waited for.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{good, now};
use crate::token::{
    algorithm::Algorithm,
    claims::Expected,
    remote_keys::RemoteKeys,
    test_key::{TestKey, token},
    verifier::{TokenError, Verifier},
};

/// An issuer whose key set tests write.
#[derive(Clone, Default)]
struct Issuer {
    /// `None` while it does not answer.
    document: Arc<Mutex<Option<String>>>,
    fetches: Arc<AtomicUsize>,
}

impl Issuer {
    fn publish(&self, keys: &[Value]) {
        *self.document.lock().unwrap() = Some(json!({ "keys": keys }).to_string());
    }

    fn fall_silent(&self) {
        *self.document.lock().unwrap() = None;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::Relaxed)
    }

    async fn answer(self) -> anyhow::Result<Bytes> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let document = self.document.lock().unwrap().clone();
        document.map(Bytes::from).ok_or_else(|| anyhow::anyhow!("nobody answers"))
    }

    /// A verifier that follows the issuer by this algorithm, and its task.
    fn follow(&self, algorithm: Algorithm) -> (Verifier, JoinHandle<()>) {
        let (issuer, algorithms) = (self.clone(), vec![algorithm]);
        let fetch = move || issuer.clone().answer();
        let interval = Duration::from_mins(5);
        let (keys, upkeep) =
            RemoteKeys::new("the issuer".to_owned(), fetch, algorithms.clone(), interval);
        let verifier = Verifier::with_remote_keys(keys, algorithms, Expected::default());
        (verifier, tokio::spawn(upkeep.run(CancellationToken::new())))
    }
}

fn named(key: &TestKey, kid: &str) -> String {
    key.sign(&json!({ "alg": key.algorithm.as_str(), "kid": kid }), &good())
}

async fn outcome(verifier: &Verifier, token: &str) -> Result<(), TokenError> {
    verifier.identify(Some(token), now()).await.map(drop)
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_used_and_dropped_with_their_issuer() {
    let (issuer, old, new) = (Issuer::default(), TestKey::ed(), TestKey::ed());
    issuer.publish(&[old.jwk("old")]);
    let (verifier, task) = issuer.follow(Algorithm::EdDsa);
    assert!(verifier.trouble().unwrap().contains("not fetched yet"));
    // One that comes before the keys waits for them.
    assert_eq!(outcome(&verifier, &named(&old, "old")).await, Ok(()));
    assert_eq!((verifier.trouble(), issuer.fetches()), (None, 1));
    pass(10).await;

    // The issuer turns to a new key: the first token that names it has it fetched.
    issuer.publish(&[old.jwk("old"), new.jwk("new")]);
    assert_eq!(outcome(&verifier, &named(&new, "new")).await, Ok(()));
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(outcome(&verifier, &named(&old, "old")).await, Ok(()));
    // Signed by another than it names.
    assert_eq!(outcome(&verifier, &named(&new, "old")).await, Err(TokenError::Invalid));
    assert_eq!(issuer.fetches(), 2);

    // It gives the old one up, which is noticed at the interval.
    issuer.publish(&[new.jwk("new")]);
    assert_eq!(outcome(&verifier, &named(&old, "old")).await, Ok(()));
    pass(301).await;
    assert_eq!(issuer.fetches(), 3);
    assert_eq!(outcome(&verifier, &named(&old, "old")).await, Err(TokenError::Invalid));
    assert_eq!(outcome(&verifier, &named(&new, "new")).await, Ok(()));

    // It takes all of them back: the service is of no use until it publishes others.
    issuer.publish(&[]);
    pass(301).await;
    assert_eq!(outcome(&verifier, &named(&new, "new")).await, Err(TokenError::Unavailable));
    assert!(verifier.trouble().unwrap().contains("holds none for EdDSA"));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn unknown_keys_cost_one_fetch_in_five_seconds() {
    let (issuer, key) = (Issuer::default(), TestKey::ed());
    issuer.publish(&[key.jwk("known")]);
    let (verifier, task) = issuer.follow(Algorithm::EdDsa);
    assert_eq!(outcome(&verifier, &named(&key, "known")).await, Ok(()));
    let start = Instant::now();
    let mut askers = tokio::task::JoinSet::new();
    for asker in 0..500 {
        let (verifier, token) = (verifier.clone(), named(&key, &format!("unknown-{asker}")));
        askers.spawn(async move {
            for _ in 0..10 {
                assert_eq!(outcome(&verifier, &token).await, Err(TokenError::Invalid));
            }
        });
    }
    // Those whose key is known do not wait meanwhile.
    let before = Instant::now();
    assert_eq!(outcome(&verifier, &named(&key, "known")).await, Ok(()));
    assert_eq!(Instant::now(), before);
    while let Some(asker) = askers.join_next().await {
        asker.unwrap();
    }
    let passed = start.elapsed().as_secs();
    let fetches = issuer.fetches();
    assert!(fetches as u64 <= passed / 5 + 2, "{fetches} in {passed} s");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn tokens_that_wait_are_bounded() {
    let (issuer, key) = (Issuer::default(), TestKey::ed());
    issuer.publish(&[key.jwk("known")]);
    let (verifier, task) = issuer.follow(Algorithm::EdDsa);
    assert_eq!(outcome(&verifier, &named(&key, "known")).await, Ok(()));
    let token = named(&key, "unknown");
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..2_000 {
        let (verifier, token) = (verifier.clone(), token.clone());
        askers.spawn(async move { outcome(&verifier, &token).await });
    }
    let outcomes = askers.join_all().await;
    let waited = outcomes.iter().filter(|outcome| **outcome == Err(TokenError::Invalid)).count();
    let sent_away = outcomes.iter().filter(|outcome| **outcome == Err(TokenError::Unavailable));
    assert_eq!((waited, sent_away.count()), (1_024, 976));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_away_is_waited_for() {
    let (issuer, key) = (Issuer::default(), TestKey::ed());
    let (verifier, task) = issuer.follow(Algorithm::EdDsa);
    let token = named(&key, "k");
    assert_eq!(outcome(&verifier, &token).await, Err(TokenError::Unavailable));
    assert!(verifier.trouble().unwrap().contains("nobody answers"));
    // It comes up: nobody has to start anything again.
    issuer.publish(&[key.jwk("k")]);
    assert_eq!(outcome(&verifier, &token).await, Ok(()));

    // For a day the last keys are good, whatever the issuer does; a new one cannot be told.
    issuer.fall_silent();
    pass(3_600).await;
    assert_eq!(outcome(&verifier, &token).await, Ok(()));
    assert_eq!(verifier.trouble(), None);
    assert_eq!(outcome(&verifier, &named(&key, "new")).await, Err(TokenError::Unavailable));
    *issuer.document.lock().unwrap() = Some("<html>sorry</html>".to_owned());
    pass(22 * 3_600).await;
    assert_eq!(outcome(&verifier, &token).await, Ok(()));
    pass(3_700).await;
    assert!(verifier.trouble().unwrap().contains("no key set"));
    assert_eq!(outcome(&verifier, &token).await, Err(TokenError::Unavailable));
    issuer.publish(&[key.jwk("k")]);
    pass(61).await;
    assert_eq!((outcome(&verifier, &token).await, verifier.trouble()), (Ok(()), None));
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn forged_tokens_are_refused_by_a_key_set() {
    let (issuer, rsa, mallory) = (Issuer::default(), TestKey::rsa(), TestKey::rsa());
    // Published by mistake, and for another purpose.
    let oct = json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "oct", "alg": "HS256" });
    issuer.publish(&[rsa.jwk("k"), oct, TestKey::ec().jwk("ec")]);
    let (verifier, task) = issuer.follow(Algorithm::Rs256);
    assert_eq!(outcome(&verifier, &named(&rsa, "k")).await, Ok(()));
    let public = EncodingKey::from_secret(rsa.pem.as_bytes());
    let known = EncodingKey::from_secret(b"secret");
    let fetches = issuer.fetches();
    for (header, key) in [
        (json!({ "alg": "HS256", "kid": "k" }), &public),
        (json!({ "alg": "RS256", "kid": "k" }), &public),
        (json!({ "alg": "HS256", "kid": "oct" }), &known),
        (json!({ "alg": "none", "kid": "k" }), &public),
    ] {
        let forged = token(&header, &good(), key, Algorithm::Hs256);
        assert_eq!(outcome(&verifier, &forged).await, Err(TokenError::Invalid), "{header}");
    }
    for header in [
        json!({ "alg": "RS256", "kid": "k" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "RS256", "kid": "k", "jwk": mallory.jwk("k") }),
        json!({ "alg": "RS256", "kid": "m", "jku": "https://evil.example/jwks" }),
        json!({ "alg": "RS256", "kid": "m", "x5u": "https://evil.example/x" }),
    ] {
        let forged = mallory.sign(&header, &good());
        assert_eq!(outcome(&verifier, &forged).await, Err(TokenError::Invalid), "{header}");
    }
    // None of them was worth a question, and neither is one that has expired.
    let old =
        mallory.sign(&json!({ "alg": "RS256", "kid": "m" }), &json!({ "sub": "u", "exp": 1 }));
    assert_eq!(outcome(&verifier, &old).await, Err(TokenError::Invalid));
    assert_eq!(issuer.fetches(), fetches);
    task.abort();
}
