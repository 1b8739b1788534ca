//! Tokens: a header and claims of anybody's making, signed with the right key, and any text at all.
//!
//! The first line is the header, the rest the claims. Who comes out is held against a second reading.
#![no_main]

use std::{pin::pin, sync::LazyLock, task};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use service_shell::token::{
    Identity, MAX_NAME_BYTES, MAX_PATTERNS, MAX_TOKEN_BYTES, Role, Secret, TokenArgs, Verifier,
};
use sha2::Sha256;
use wire::{RoomName, Timestamp};

const SECRET: &str = "a secret of 32 bytes and some more";
/// In milliseconds.
const NOW: u64 = 1_800_000_000_000;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    TokenArgs::of_secret(Secret::own(SECRET)).open().expect("the settings are good").0
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // The fuzzer has no key.
        assert!(identify(text).is_none());
    }
    let at = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let (header, claims) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let token = signed(header, claims);
    let Some(identity) = identify(&token) else { return };
    assert!(token.len() <= MAX_TOKEN_BYTES);
    // What is no text, and numbers that are no 64-bit floats, fail here in fields that nobody reads.
    if let Ok(header) = serde_json::from_slice::<Value>(header) {
        assert_eq!(header["alg"], "HS256");
        assert!(["jwk", "jku", "x5u", "x5c", "crit"].iter().all(|name| header[name].is_null()));
    }
    if let Ok(claims) = serde_json::from_slice(claims) {
        check(&identity, &claims);
    }
    let mut forged = token.into_bytes();
    let last = forged.len() - 2;
    forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
    assert!(identify(&String::from_utf8(forged).expect("ASCII")).is_none());
});

fn check(identity: &Identity, claims: &Value) {
    let user = &identity.user;
    assert_eq!(claims["sub"].as_str(), Some(&*user.user_id));
    assert!(!user.user_id.trim().is_empty() && user.user_id.len() <= MAX_NAME_BYTES);
    assert!(!user.username.trim().is_empty() && user.username.len() <= MAX_NAME_BYTES);
    let role = match claims["role"].as_str() {
        Some("admin") => Role::Admin,
        Some("service") => Role::Service,
        _ => Role::User,
    };
    assert_eq!(identity.role, role);
    assert!(identity.expires.as_millis() + VERIFIER.leeway() * 1_000 > NOW);
    let rooms: Option<Vec<&str>> =
        claims["rooms"].as_array().map(|all| all.iter().filter_map(Value::as_str).collect());
    assert!(rooms.as_ref().is_none_or(|rooms| rooms.len() <= MAX_PATTERNS));
    for room in ["general", "a", "team.x-1", "äöü 🐦", "**"] {
        let expected = rooms.as_ref().is_none_or(|all| all.iter().any(|one| matches(one, room)));
        let room = RoomName::parse(room).expect("a good name");
        assert_eq!(identity.may_enter(&room), expected, "{room} by {rooms:?}");
    }
}

/// Whether a pattern, in which `*` stands for any text, matches: its parts stand in the name one
/// after the other, the first at its start and the last at its end.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(last)
}

/// With a fixed key there is nothing to wait for.
fn identify(token: &str) -> Option<Identity> {
    let found = pin!(VERIFIER.identify(Some(token), Timestamp::from_millis(NOW)));
    match found.poll(&mut task::Context::from_waker(task::Waker::noop())) {
        task::Poll::Ready(found) => found.ok(),
        task::Poll::Pending => panic!("a fixed key is asked of somebody"),
    }
}

fn signed(header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any key is good");
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}
