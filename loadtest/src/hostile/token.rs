//! Tokens that nobody signed, or not for this.

use fastrand::Rng;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{
    frame,
    input::{Expect, Input, Kind, Stage, one_of},
};

/// `{"alg":"none"}` and claims that would be good until 2100, without a signature.
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.\
                        eyJzdWIiOiJyb290IiwibmFtZSI6InJvb3QiLCJyb2xlIjoiYWRtaW4iLCJleHAiOjQxMDI0NDQ4MDB9.";
/// 2100, and long ago.
const EXPIRIES: [u64; 2] = [4_102_444_800, 1_000_000_000];

pub(super) fn forged(rng: &mut Rng) -> Input {
    let token: Value = match rng.u8(..8) {
        0 => json!(UNSIGNED),
        1 => json!((0..rng.usize(1..60_000)).map(|_| rng.alphanumeric()).collect::<String>()),
        2 => one_of(
            rng,
            &[&json!(null), &json!(7), &json!([]), &json!({}), &json!(true), &json!("")],
        )
        .clone(),
        3 => json!("..".repeat(rng.usize(1..5_000))),
        _ => json!(signed(rng)),
    };
    let auth = if rng.u8(..8) == 0 { json!([token]) } else { json!({ "token": token }) };
    let namespace = one_of(rng, &["", "", "", "/admin,"]);
    let packet = format!("40{namespace}{auth}");
    let frame = frame::text(rng, packet.as_bytes());
    Input::new(Kind::ForgedToken, Stage::WebSocket, frame).expecting(Expect::Outside)
}

/// Signed with a key that is nobody's, or spoilt after that.
fn signed(rng: &mut Rng) -> String {
    let algorithm = one_of(rng, &[Algorithm::HS256, Algorithm::HS384, Algorithm::HS512]);
    let mut header = Header::new(algorithm);
    if rng.bool() {
        header.kid = Some(one_of(rng, &["../../dev/null", "x", "' OR 1=1 --"]).to_owned());
    }
    let claims = json!({
        "sub": one_of(rng, &["root", "", "\0"]), "name": "root", "exp": one_of(rng, &EXPIRIES),
        "role": one_of(rng, &["admin", "service", "user", "god"]),
    });
    let key = EncodingKey::from_secret(&rng.u64(..).to_be_bytes());
    // A secret of any length makes an HMAC.
    let mut token = jsonwebtoken::encode(&header, &claims, &key).unwrap_or_default();
    if rng.bool() && !token.is_empty() {
        let at = rng.usize(..token.len());
        token.replace_range(at..=at, one_of(rng, &["", ".", "=", "\u{fc}", "A"]));
    }
    token
}
