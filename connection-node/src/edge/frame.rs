//! WebSocket frames as a server sends them (RFC 6455, section 5.2): whole, unmasked, ready for any
//! number of clients.

use bytes::{BufMut, Bytes, BytesMut};

/// A text message in one frame. Its payload is the parts, one behind the other.
pub fn text_frame(parts: &[&str]) -> Bytes {
    let payload = parts.iter().map(|part| part.len()).sum();
    let mut frame = BytesMut::with_capacity(header_len(payload) + payload);
    put_header(&mut frame, 0x81, payload as u64);
    for part in parts {
        frame.put_slice(part.as_bytes());
    }
    frame.freeze()
}

/// The length of the header before a payload.
pub(super) fn header_len(payload: usize) -> usize {
    match payload {
        0..126 => 2,
        126..0x1_0000 => 4,
        _ => 10,
    }
}

/// Writes a header: its first byte, and the length of the payload behind it.
pub(super) fn put_header(frame: &mut BytesMut, first: u8, payload: u64) {
    frame.put_u8(first);
    match (u8::try_from(payload), u16::try_from(payload)) {
        (Ok(short @ 0..126), _) => frame.put_u8(short),
        (_, Ok(middle)) => {
            frame.put_u8(126);
            frame.put_u16(middle);
        }
        _ => {
            frame.put_u8(127);
            frame.put_u64(payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let table: [(usize, &[u8]); 6] = [
            (0, &[0x81, 0]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (0xffff, &[0x81, 126, 0xff, 0xff]),
            (0x1_0000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
            (70_000, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70]),
        ];
        for (payload, header) in table {
            let text = "x".repeat(payload);
            let frame = text_frame(&[&text[..payload / 2], &text[payload / 2..]]);
            assert_eq!(&frame[..header.len()], header, "{payload}");
            assert_eq!(&frame[header.len()..], text.as_bytes());
            assert_eq!(header_len(payload), header.len());
        }
    }
}
