//! Compression of WebSocket messages: what is offered, and frames that hold something compressed. The first
//! byte says which, and for frames the second how they are cut into reads.
#![no_main]

use connection_node::edge::fuzzing;
use http::{HeaderMap, HeaderValue, header::SEC_WEBSOCKET_EXTENSIONS};
use libfuzzer_sys::fuzz_target;

/// Bytes that may be inflated in one message.
const MOST: u64 = 64 << 10;

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match (which % 4, std::str::from_utf8(bytes)) {
        (0, _) => offer(bytes),
        (1, Ok(text)) => there_and_back(text),
        _ => frames(bytes),
    }
});

fn offer(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, value)]);
    let Some(answer) = fuzzing::extension_answer(&headers) else { return };
    assert!(bytes.windows(18).any(|part| part == b"permessage-deflate"), "nobody offered it");
    // What is answered would be taken if it were offered.
    let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, answer.clone())]);
    assert_eq!(fuzzing::extension_answer(&headers), Some(answer));
}

fn frames(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else { return };
    let once = fuzzing::inflated(bytes, bytes.len(), MOST);
    let cut = fuzzing::inflated(bytes, usize::from(*piece), MOST);
    // How it is cut may cut fragments elsewhere, but nothing else.
    assert_eq!(once.is_some(), cut.is_some());
    let (Some(once), Some(cut)) = (once, cut) else { return };
    assert!(once.len() as u64 <= (MOST + 2_000) * (bytes.len() as u64 + 1), "{}", once.len());
    assert_eq!(once, cut);
}

fn there_and_back(text: &str) {
    let Some(frame) = fuzzing::deflated(text) else { return };
    assert!(frame.len() < text.len() + 10);
    // As a client would send it: with a mask, which may be of zeros.
    let header = if frame[1] == 126 { 4 } else { 2 };
    let mut masked = frame[..header].to_vec();
    masked[1] |= 0x80;
    masked.extend([0; 4]);
    masked.extend(&frame[header..]);
    let whole = fuzzing::inflated(&masked, 4_096, u64::MAX).expect("it is what we made");
    let mut rest = &whole[..];
    let mut back: Vec<u8> = Vec::new();
    while let [_, length, more @ ..] = rest {
        let (length, more) = match length & 0x7f {
            126 => (usize::from(u16::from_be_bytes([more[0], more[1]])), &more[2..]),
            short => (usize::from(short), more),
        };
        back.extend(&more[4..4 + length]);
        rest = &more[4 + length..];
    }
    assert_eq!(back, text.as_bytes());
}
