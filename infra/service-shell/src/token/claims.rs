//! What a token says, read from bytes, and whether it says it now and to us.
//!
//! Pure: the time is an argument. Bytes come from whoever holds a key, and are bounded nevertheless.

use serde::{Deserialize, Deserializer};
use wire::Timestamp;

use super::identity::{Identity, Role};

/// What a token must say beside who its bearer is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expected {
    pub issuer: Option<String>,
    pub audience: Option<String>,
    /// Seconds by which the issuer's clock may differ from this one.
    pub leeway: u64,
}

/// The claims that Starling reads (RFC 7519 §4.1, and its own).
#[derive(Debug, Deserialize)]
pub(super) struct ReceivedClaims {
    sub: String,
    name: Option<String>,
    #[serde(default, deserialize_with = "role")]
    role: Role,
    /// Patterns of rooms that the bearer may enter. Default: every room.
    #[serde(default = "every_room")]
    rooms: Vec<String>,
    #[serde(deserialize_with = "date")]
    exp: Timestamp,
    #[serde(default, deserialize_with = "optional_date")]
    nbf: Option<Timestamp>,
    iss: Option<String>,
    aud: Option<Audience>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Some(Vec<String>),
}

impl Audience {
    fn names(&self, whom: &str) -> bool {
        match self {
            Self::One(one) => one == whom,
            Self::Some(some) => some.iter().any(|one| one == whom),
        }
    }
}

impl ReceivedClaims {
    /// Reads a token's payload; `None` for what is not JSON or not of the claims' shape.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload).ok()
    }

    /// Who the bearer is, where the token is for us and good at `now`.
    pub(super) fn identity(self, expected: &Expected, now: Timestamp) -> Option<Identity> {
        let leeway = expected.leeway.saturating_mul(1_000);
        let now = now.as_millis();
        let over = now >= self.exp.as_millis().saturating_add(leeway);
        let early = self.nbf.is_some_and(|nbf| now.saturating_add(leeway) < nbf.as_millis());
        let issuer = expected.issuer.as_ref();
        let audience = expected.audience.as_ref();
        let theirs = issuer.is_some_and(|issuer| self.iss.as_ref() != Some(issuer))
            || audience.is_some_and(|us| !self.aud.as_ref().is_some_and(|aud| aud.names(us)));
        if over || early || theirs {
            return None;
        }
        Identity::new(self.sub, self.name, self.role, &self.rooms, self.exp)
    }
}

fn every_room() -> Vec<String> {
    vec!["*".to_owned()]
}

/// A role of somebody else's vocabulary gives no more than a user has.
fn role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let role = serde_json::Value::deserialize(deserializer)?;
    Ok(match role.as_str() {
        Some("admin") => Role::Admin,
        Some("service") => Role::Service,
        _ => Role::User,
    })
}

/// Seconds since the epoch, perhaps with a fraction.
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    f64::deserialize(deserializer).map(point_in_time)
}

fn optional_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map(point_in_time))
}

/// The cast saturates: before the epoch is the epoch, and the end of time that of [`Timestamp`].
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn point_in_time(seconds: f64) -> Timestamp {
    Timestamp::from_millis((seconds * 1_000.0) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use wire::RoomName;

    use super::*;

    /// In seconds.
    const NOW: u64 = 1_800_000_000;

    fn identity_at(claims: &Value, expected: &Expected, millis: u64) -> Option<Identity> {
        let now = Timestamp::from_millis(millis);
        ReceivedClaims::parse(claims.to_string().as_bytes())?.identity(expected, now)
    }

    fn identity(claims: &Value, expected: &Expected) -> Option<Identity> {
        identity_at(claims, expected, NOW * 1_000)
    }

    #[test]
    fn a_token_is_good_from_nbf_to_exp_give_or_take_the_leeway() {
        let expected = Expected { leeway: 30, ..Expected::default() };
        let claims = json!({ "sub": "u", "nbf": NOW, "exp": NOW + 60 });
        let at = |millis| identity_at(&claims, &expected, millis).is_some();
        assert!(!at((NOW - 31) * 1_000));
        assert!(at((NOW - 30) * 1_000));
        assert!(at((NOW + 90) * 1_000 - 1));
        assert!(!at((NOW + 90) * 1_000));
        let exact = Expected::default();
        assert!(identity_at(&claims, &exact, (NOW + 60) * 1_000 - 1).is_some());
        assert!(identity_at(&claims, &exact, (NOW + 60) * 1_000).is_none());
    }

    #[test]
    fn dates_of_every_size() {
        let of = |exp: Value| {
            let identity = identity(&json!({ "sub": "u", "exp": exp }), &Expected::default());
            identity.map(|identity| identity.expires.as_millis())
        };
        assert_eq!(of(json!(NOW + 1)), Some((NOW + 1) * 1_000));
        assert_eq!(of(json!(1_800_000_000.5)), Some(NOW * 1_000 + 500));
        let end_of_time = Some(253_402_300_799_999);
        assert_eq!(of(json!(u64::MAX)), end_of_time);
        assert_eq!(of(json!(1e300)), end_of_time);
        for none in
            [json!(-1), json!(-1e300), json!("1900000000"), json!(null), json!([]), json!({})]
        {
            assert_eq!(of(none.clone()), None, "{none}");
        }
        // With the greatest leeway nothing overflows.
        let expected = Expected { leeway: u64::MAX, ..Expected::default() };
        assert!(
            identity(&json!({ "sub": "u", "exp": u64::MAX, "nbf": u64::MAX }), &expected).is_some()
        );
    }

    #[test]
    fn issuer_and_audience_count_where_they_are_set() {
        let expected = Expected {
            issuer: Some("https://id.example/".to_owned()),
            audience: Some("chat".to_owned()),
            leeway: 0,
        };
        let with =
            |iss: Value, aud: Value| json!({ "sub": "u", "exp": NOW + 60, "iss": iss, "aud": aud });
        let (iss, aud) = (json!("https://id.example/"), json!("chat"));
        for (claims, good) in [
            (with(iss.clone(), aud.clone()), true),
            (with(iss.clone(), json!(["web", "chat"])), true),
            (with(json!("https://id.example"), aud.clone()), false),
            (with(json!(null), aud.clone()), false),
            (with(json!(["https://id.example/"]), aud.clone()), false),
            (with(iss.clone(), json!("chats")), false),
            (with(iss.clone(), json!([])), false),
            (with(iss.clone(), json!(["web"])), false),
            (with(iss.clone(), json!(null)), false),
            (json!({ "sub": "u", "exp": NOW + 60 }), false),
        ] {
            assert_eq!(identity(&claims, &expected).is_some(), good, "{claims}");
        }
        let anybody = with(json!("https://other.example"), json!("other"));
        assert!(identity(&anybody, &Expected::default()).is_some());
    }

    #[test]
    fn roles_of_others_are_users() {
        let of = |role: Value| {
            let claims = json!({ "sub": "u", "exp": NOW + 60, "role": role });
            identity(&claims, &Expected::default()).map(|identity| identity.role)
        };
        for (role, expected) in [
            (json!("user"), Some(Role::User)),
            (json!("admin"), Some(Role::Admin)),
            (json!("service"), Some(Role::Service)),
            (json!("authenticated"), Some(Role::User)),
            (json!("Admin"), Some(Role::User)),
            (json!(""), Some(Role::User)),
            (json!(null), Some(Role::User)),
            (json!(["admin"]), Some(Role::User)),
            (json!(true), Some(Role::User)),
        ] {
            assert_eq!(of(role.clone()), expected, "{role}");
        }
    }

    #[test]
    fn rooms() {
        let general = RoomName::parse("general").unwrap();
        let of = |rooms: Value| {
            let mut claims = json!({ "sub": "u", "exp": NOW + 60 });
            if rooms != json!("absent") {
                claims["rooms"] = rooms;
            }
            identity(&claims, &Expected::default()).map(|identity| identity.may_enter(&general))
        };
        assert_eq!(of(json!("absent")), Some(true), "without a list every room is open");
        assert_eq!(of(json!(["gen*"])), Some(true));
        assert_eq!(of(json!([])), Some(false), "an empty list allows nothing");
        for none in [json!(null), json!("*x"), json!({}), json!([1]), json!([null])] {
            assert_eq!(of(none.clone()), None, "{none}");
        }
        assert_eq!(of(json!(vec!["x"; 10_000])), None);
    }

    #[test]
    fn what_is_not_of_the_shape_is_refused() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            r#"{"sub":"u"}"#,
            r#"{"exp":1900000000}"#,
            r#"{"sub":7,"exp":1900000000}"#,
            r#"{"sub":"u","exp":1900000000,"name":7}"#,
            r#"{"sub":"u","sub":"v","exp":1900000000}"#,
            r#"{"sub":"u","exp":1e999}"#,
            r#"{"sub":"u","exp":1900000000,"nbf":"x"}"#,
        ] {
            assert!(ReceivedClaims::parse(text.as_bytes()).is_none(), "{text}");
        }
        assert!(ReceivedClaims::parse(&[0xff, 0xfe]).is_none());
        let deep = format!(r#"{{"sub":"u","exp":1,"x":{}"#, "[".repeat(100_000));
        assert!(ReceivedClaims::parse(deep.as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, now: u64, leeway: u64) {
            let expected = Expected { leeway, ..Expected::default() };
            if let Some(claims) = ReceivedClaims::parse(&bytes) {
                let _ = claims.identity(&expected, Timestamp::from_millis(now));
            }
        }

        #[test]
        fn no_claims_panic(
            sub in ".*", name in proptest::option::of(".*"), role in ".*",
            rooms: Vec<String>, exp: f64, nbf: f64, now: u64, leeway: u64,
        ) {
            let claims = json!({ "sub": sub, "name": name, "role": role, "rooms": rooms, "exp": exp, "nbf": nbf });
            let expected = Expected { leeway, ..Expected::default() };
            if let Some(identity) = identity_at(&claims, &expected, now) {
                prop_assert!(!identity.user.user_id.trim().is_empty());
                prop_assert!(identity.role == Role::User || role == "admin" || role == "service");
            }
        }
    }
}
