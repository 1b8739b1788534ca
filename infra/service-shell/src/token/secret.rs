//! Secrets, and which of them anybody could guess.
//!
//! Owns the rules for a secret that comes from outside. They cannot tell a good secret from a bad
//! one, but they know the bad ones that are met: short ones, examples, and patterns typed by hand.

use std::{fmt, str::FromStr};

/// A secret shorter than the hash of HS256 is the weakest part of it (RFC 7518 §3.2).
const MIN_BYTES: usize = 32;
/// 64 random hexadecimal digits hold all sixteen but for one in a billion.
const MIN_DISTINCT: usize = 10;
/// What examples, defaults and placeholders hold, in lower case and without anything between letters
/// and digits. Random text holds none of them.
const TELLTALES: [&str; 14] = [
    "secret",
    "changeme",
    "changethis",
    "password",
    "passphrase",
    "example",
    "localdevelopment",
    "default",
    "insecure",
    "replace",
    "qwerty",
    "letmein",
    "12345678",
    "abcdefgh",
];

/// A secret that is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    /// Whether it came from outside, and may be one that anybody could guess.
    from_outside: bool,
}

impl Secret {
    /// A secret that this program or a test has made. [`Secret::check`] takes it as it is.
    pub fn own(text: impl Into<String>) -> Self {
        Self { text: text.into(), from_outside: false }
    }

    /// The secret's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Whether it is as good as any that one cannot tell from random.
    ///
    /// # Errors
    /// What is wrong with it, and what to do, without showing it.
    pub fn check(&self) -> Result<(), String> {
        if !self.from_outside {
            return Ok(());
        }
        weakness(&self.text).map_or(Ok(()), |weakness| {
            Err(format!("{weakness}; make one with `openssl rand -hex 32`"))
        })
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;
    /// Takes any text: what refuses a value on the command line shows it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { text: text.to_owned(), from_outside: true })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Why anybody could guess it.
fn weakness(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < MIN_BYTES {
        return Some(format!("it has {} bytes and needs {MIN_BYTES}", bytes.len()));
    }
    let mut seen = [false; 256];
    for byte in bytes {
        seen[usize::from(*byte)] = true;
    }
    let distinct = seen.into_iter().filter(|seen| *seen).count();
    if distinct < MIN_DISTINCT {
        return Some(format!("it is made of {distinct} different characters, which is too few"));
    }
    if is_repetition(bytes) {
        return Some("it repeats itself".to_owned());
    }
    let plain: String = text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let telltale = TELLTALES.into_iter().find(|telltale| plain.contains(telltale))?;
    Some(format!("it holds {telltale:?}, as examples and defaults do"))
}

/// Whether it is one piece over and over, the last time perhaps cut short.
fn is_repetition(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes[period..] == bytes[..bytes.len() - period])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        let secret: Secret = text.parse().unwrap();
        secret.check().unwrap_err()
    }

    #[test]
    fn what_anybody_could_guess_is_refused() {
        let table = [
            ("", "0 bytes"),
            ("short", "5 bytes"),
            ("7f3a9c1e5b8d2f60a4c7e9b1d3f5082", "31 bytes"),
            (&"a".repeat(64), "1 different"),
            (&"0110".repeat(16), "2 different"),
            (&"7f3a9c1e5b8d2f60".repeat(2), "repeats"),
            (&"7f3a9c1e5b8d2f60a4c".repeat(3)[..50], "repeats"),
            ("your-256-bit-secret-xkcd-9f3a-77q1-zz", "\"secret\""),
            ("ChangeMe-ChangeMe-PleaseChangeMeNow!", "\"changeme\""),
            ("c h a n g e   m e   9f3a77q1zzx02bk5v", "\"changeme\""),
            ("local development only: 9f3a77q1zzx02bk5v", "\"localdevelopment\""),
            ("PASSWORD-9f3a77q1zzx02bk5v-hmmm-yes-no", "\"password\""),
            ("1234567890-abcdef-9f3a77q1zzx02bk5v", "\"12345678\""),
        ];
        for (text, expected) in table {
            let refusal = refusal(text);
            assert!(refusal.contains(expected), "{text:?}: {refusal}");
            assert!(refusal.contains("openssl rand -hex 32"), "{refusal}");
            assert!(text.len() < 20 || !refusal.contains(text), "shown: {refusal}");
        }
    }

    #[test]
    fn what_looks_random_is_taken() {
        for text in [
            "6d1f0c9b5e7a48d2b3f6a1c0e9d8475263f1b0a9c8d7e6f5041322314e5f6a7b",
            "pW7v+Qx2Zk9s/Jt4Rm1Yc8Hb3Nf6Gd0LaTqUeXoViSjE=",
            "käse und brot, vierzehn graue gänse im mai",
        ] {
            assert_eq!(text.parse::<Secret>().unwrap().check(), Ok(()), "{text}");
        }
    }

    #[test]
    fn one_of_our_own_is_taken_and_none_is_shown() {
        let own = Secret::own("x");
        assert!(own.check().is_ok());
        assert_eq!(format!("{own:?}"), "Secret");
    }

    proptest! {
        #[test]
        fn random_bytes_in_hexadecimal_are_taken(bytes: [u8; 32]) {
            let text = bytes.map(|byte| format!("{byte:02x}")).concat();
            let secret: Secret = text.parse().unwrap();
            // Digits in a row are the one telltale that hexadecimal can hold.
            prop_assume!(!text.contains("12345678"));
            prop_assert!(secret.check().is_ok(), "{}", text);
        }

        #[test]
        fn any_text_is_judged(text in ".*") {
            let _ = text.parse::<Secret>().unwrap().check();
        }
    }
}
