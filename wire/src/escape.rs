//! Any text as one token of a NATS subject.

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// ASCII letters, digits, `-` and `_` stand for themselves, every other byte is `=` and two upper-case
/// hex digits (as in quoted-printable, RFC 2045 §6.7). At most three times the text's length.
pub(crate) fn escape(text: &str) -> String {
    let mut token = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            token.push(char::from(byte));
        } else {
            token.push('=');
            token.push(char::from(HEX[usize::from(byte >> 4)]));
            token.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    token
}
