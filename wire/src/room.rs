//! A room's name and its spelling inside a NATS subject.
//!
//! Owns validation and the lossless encoding. Who may enter a room is the node's business.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Partition, escape::escape};

/// The longest room name in bytes of UTF-8.
pub const MAX_ROOM_BYTES: usize = 128;

/// The name of a room: 1 to [`MAX_ROOM_BYTES`] bytes of UTF-8 without control characters.
///
/// Dots, spaces, `*`, `>` and emoji are all legal: [`RoomName::token`] hides them from NATS. Cloning
/// is cheap.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoomName(Arc<str>);

/// Why a text is not a room's name. The message is fit for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RoomNameError {
    #[error("room is empty; expected 1 to {MAX_ROOM_BYTES} bytes of UTF-8")]
    Empty,
    #[error("room is {0} bytes long; expected 1 to {MAX_ROOM_BYTES} bytes of UTF-8")]
    TooLong(usize),
    #[error("room holds a control character; expected printable text")]
    Control,
    #[error("not the encoding of a room's name")]
    Token,
}

impl RoomName {
    /// Validates `name`.
    ///
    /// # Errors
    /// Says which rule was broken.
    pub fn parse(name: &str) -> Result<Self, RoomNameError> {
        if name.is_empty() {
            return Err(RoomNameError::Empty);
        }
        if name.len() > MAX_ROOM_BYTES {
            return Err(RoomNameError::TooLong(name.len()));
        }
        if name.chars().any(char::is_control) {
            return Err(RoomNameError::Control);
        }
        Ok(Self(name.into()))
    }

    /// The name as clients write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition whose owner routes this room.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_room(&self.0)
    }

    /// The name as one NATS subject token: ASCII letters, digits, `-` and `_` stand for themselves,
    /// every other byte is `=` and two upper-case hex digits. At most three times the name's length.
    #[must_use]
    pub fn token(&self) -> String {
        escape(&self.0)
    }

    /// Reads back what [`RoomName::token`] wrote.
    ///
    /// # Errors
    /// [`RoomNameError::Token`] for anything that `token` would not have written.
    pub fn from_token(token: &str) -> Result<Self, RoomNameError> {
        let mut bytes = Vec::with_capacity(token.len());
        let mut rest = token.as_bytes();
        while let Some((&first, tail)) = rest.split_first() {
            if first == b'=' {
                let (hex, tail) = tail.split_at_checked(2).ok_or(RoomNameError::Token)?;
                bytes.push(hex_digit(hex[0])? << 4 | hex_digit(hex[1])?);
                rest = tail;
            } else {
                bytes.push(first);
                rest = tail;
            }
        }
        let name = String::from_utf8(bytes).map_err(|_| RoomNameError::Token)?;
        let room = Self::parse(&name)?;
        // One room has one token: a second spelling would be a second subject.
        if room.token() == token { Ok(room) } else { Err(RoomNameError::Token) }
    }
}

fn hex_digit(byte: u8) -> Result<u8, RoomNameError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'A'..=b'F' => Ok(byte - b'A' + 10),
        _ => Err(RoomNameError::Token),
    }
}

impl FromStr for RoomName {
    type Err = RoomNameError;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::parse(name)
    }
}

impl TryFrom<String> for RoomName {
    type Error = RoomNameError;
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name)
    }
}

impl From<RoomName> for String {
    fn from(room: RoomName) -> Self {
        room.0.as_ref().to_owned()
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_their_tokens() {
        for (name, token) in [
            ("general", "general"),
            ("a.b c", "a=2Eb=20c"),
            ("*", "=2A"),
            (">", "=3E"),
            ("=", "=3D"),
            ("🐦", "=F0=9F=90=A6"),
            ("Team_1-x", "Team_1-x"),
        ] {
            let room = RoomName::parse(name).unwrap();
            assert_eq!(room.token(), token);
            assert_eq!(RoomName::from_token(token).unwrap(), room);
        }
    }

    #[test]
    fn refused_names() {
        assert_eq!(RoomName::parse(""), Err(RoomNameError::Empty));
        assert_eq!(RoomName::parse(&"x".repeat(129)), Err(RoomNameError::TooLong(129)));
        assert_eq!(RoomName::parse("a\nb"), Err(RoomNameError::Control));
        assert!(RoomName::parse(&"x".repeat(128)).is_ok());
    }

    #[test]
    fn refused_tokens() {
        for token in ["", "=", "=2", "=2e", "=41", "a.b", "=FF", "a b"] {
            assert!(RoomName::from_token(token).is_err(), "{token:?}");
        }
    }

    proptest! {
        #[test]
        fn token_is_lossless_and_safe(name in "\\PC{1,32}") {
            let room = RoomName::parse(&name).unwrap();
            let token = room.token();
            prop_assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_=".contains(&b)));
            prop_assert_eq!(RoomName::from_token(&token).unwrap(), room);
        }

        #[test]
        fn any_text_is_a_token_or_an_error(text in ".{0,64}") {
            if let Ok(room) = RoomName::from_token(&text) {
                prop_assert_eq!(room.token(), text);
            }
        }
    }
}
