//! A message as it stands on a WebSocket.

use anyhow::{Context as _, ensure};

/// A whole text frame of one fragment (RFC 6455, 5.2).
const TEXT: u8 = 0x81;
/// The length stands in the two bytes that follow.
const TWO_BYTES: u8 = 126;

/// `text` as a server sends it; it has 126 to 65,535 bytes.
pub fn frame(text: &str) -> anyhow::Result<Vec<u8>> {
    let length = u16::try_from(text.len()).context("the text is too long for this")?;
    ensure!(length >= TWO_BYTES.into(), "the text is too short for this");
    let mut frame = vec![TEXT, TWO_BYTES];
    frame.extend(length.to_be_bytes());
    frame.extend(text.as_bytes());
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_heads() {
        let text = "x".repeat(300);
        assert_eq!(frame(&text).unwrap()[..5], [0x81, 126, 1, 44, b'x']);
        assert_eq!(frame(&text).unwrap().len(), 304);
        for length in [0, 125, 65_536] {
            assert!(frame(&"x".repeat(length)).is_err(), "{length}");
        }
    }
}
