//! Who one is by one's token, and which rooms one may enter.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatchPattern;
use wire::{RoomName, Timestamp, User};

/// The longest user id or name in bytes; tokens with longer ones are refused.
pub const MAX_NAME_BYTES: usize = 128;
/// The most patterns of rooms that a token may hold: each is tried on every message.
pub const MAX_PATTERNS: usize = 100;
/// The longest pattern in bytes, which is that of the longest name of a room.
pub const MAX_PATTERN_BYTES: usize = 128;

/// `*` stands for any text. Nothing stands for one character: no room's name holds a control
/// character, and no pattern is let in with one.
type Pattern = WildMatchPattern<'*', '\0'>;

/// What kind of party a token is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    #[default]
    User,
    Admin,
    Service,
}

/// Who one is, by one's token, and until when.
#[derive(Debug, Clone)]
pub struct Identity {
    pub user: User,
    pub role: Role,
    /// The token's `exp`.
    pub expires: Timestamp,
    rooms: Rooms,
}

impl Identity {
    /// Whether the token allows the room.
    pub fn may_enter(&self, room: &RoomName) -> bool {
        match &self.rooms {
            Rooms::Every => true,
            Rooms::Like(patterns) => patterns.iter().any(|pattern| pattern.matches(room.as_str())),
        }
    }

    /// An identity by its parts; `None` where a name or a pattern is out of bounds.
    pub fn new(
        sub: String,
        name: Option<String>,
        role: Role,
        rooms: &[String],
        expires: Timestamp,
    ) -> Option<Self> {
        let is_name = |text: &str| !text.trim().is_empty() && text.len() <= MAX_NAME_BYTES;
        if !is_name(&sub) || name.as_ref().is_some_and(|name| name.len() > MAX_NAME_BYTES) {
            return None;
        }
        let rooms = Rooms::parse(rooms)?;
        let name = name.filter(|name| !name.trim().is_empty());
        let user_id: Arc<str> = sub.into();
        let username = name.map_or_else(|| user_id.clone(), Arc::from);
        Some(Self { user: User { user_id, username }, role, expires, rooms })
    }
}

/// The rooms that a token allows.
#[derive(Debug, Clone)]
enum Rooms {
    /// Nothing to keep for what nearly every token says.
    Every,
    Like(Arc<[Pattern]>),
}

impl Rooms {
    fn parse(patterns: &[String]) -> Option<Self> {
        let bounded = |pattern: &String| {
            pattern.len() <= MAX_PATTERN_BYTES && !pattern.contains(char::is_control)
        };
        if patterns.len() > MAX_PATTERNS || !patterns.iter().all(bounded) {
            return None;
        }
        if patterns.iter().any(|pattern| pattern == "*") {
            return Some(Self::Every);
        }
        Some(Self::Like(patterns.iter().map(|pattern| Pattern::new(pattern)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(rooms: &[&str]) -> Option<Identity> {
        let rooms: Vec<_> = rooms.iter().map(|&room| room.to_owned()).collect();
        Identity::new("u".into(), None, Role::User, &rooms, Timestamp::from_millis(0))
    }

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    #[test]
    fn patterns() {
        type Case<'c> = (&'c [&'c str], &'c [&'c str], &'c [&'c str]);
        let table: [Case; 6] = [
            (&["*"], &["general", "any room * > 🐦"], &[]),
            (&["x", "*"], &["general"], &[]),
            (&[], &[], &["general", "*"]),
            (&["team-*", "general"], &["team-a", "team-", "general"], &["team", "generals", "x"]),
            (&["*-*-log"], &["a-b-log", "--log"], &["a-log", "a-b-logs"]),
            // Only `*` stands for something else than itself.
            (&["wh?t", "[a]", "tëam*"], &["wh?t", "[a]", "tëam🐦"], &["what", "a", "team"]),
        ];
        for (patterns, allowed, others) in table {
            let identity = identity(patterns).unwrap();
            for name in allowed {
                assert!(identity.may_enter(&room(name)), "{patterns:?} {name}");
            }
            for name in others {
                assert!(!identity.may_enter(&room(name)), "{patterns:?} {name}");
            }
        }
    }

    #[test]
    fn patterns_are_bounded_in_number_and_length() {
        let many = |count: usize| vec!["team-*"; count];
        assert!(identity(&many(MAX_PATTERNS)).is_some());
        assert!(identity(&many(MAX_PATTERNS + 1)).is_none());
        assert!(identity(&many(10_000)).is_none());
        let mut many = many(10_000);
        many.push("*");
        assert!(identity(&many).is_none());
        assert!(identity(&[&"x".repeat(MAX_PATTERN_BYTES)]).is_some());
        assert!(identity(&[&"x".repeat(MAX_PATTERN_BYTES + 1)]).is_none());
        assert!(identity(&["a\0b"]).is_none() && identity(&["\n"]).is_none());
    }

    #[test]
    fn names() {
        let of = |sub: &str, name: Option<&str>| {
            let identity = Identity::new(
                sub.into(),
                name.map(Into::into),
                Role::User,
                &[],
                Timestamp::from_millis(0),
            )?;
            Some((identity.user.user_id.to_string(), identity.user.username.to_string()))
        };
        let both = |one: &str, two: &str| Some((one.to_owned(), two.to_owned()));
        assert_eq!(of("u1", Some("Una")), both("u1", "Una"));
        assert_eq!(of("u1", Some("  ")), both("u1", "u1"));
        assert_eq!(of("u1", None), both("u1", "u1"));
        assert_eq!(of(" ", Some("Una")), None);
        assert_eq!(of(&"x".repeat(129), None), None);
        assert_eq!(of("u1", Some(&"x".repeat(129))), None);
    }
}
