//! Ways into this module's parsers for the targets of `loadtest/fuzz`. It is part of no other build:
//! cargo-fuzz sets `--cfg fuzzing`.

use bytes::{BufMut as _, Bytes};
use http::{HeaderMap, HeaderValue, Method, Version, header};

use super::{CloseReason, Origins, deflate, frames::Seen, polling, query::EngineQuery, upgrade};

/// What an Engine.IO query says, as the URI that is passed on; `None` where it is refused.
pub fn engine_query(query: &str) -> Option<String> {
    let query = EngineQuery::parse(Some(query)).ok()?;
    Some(query.request(()).uri().to_string())
}

/// The `Sec-WebSocket-Accept` by which a handshake with these headers is answered.
pub fn websocket_accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let key = upgrade::websocket_key(&Method::GET, Version::HTTP_11, headers).ok()?;
    let response = upgrade::switching_protocols(key).ok()?;
    response.headers().get(header::SEC_WEBSOCKET_ACCEPT).cloned()
}

/// The answer to what these headers offer.
pub fn extension_answer(headers: &HeaderMap) -> Option<HeaderValue> {
    deflate::accept(headers)
}

/// What comes out where a client that may compress sends these bytes, in reads of so many, and may have
/// so many inflated in one message; `None` where it is refused.
pub fn inflated(bytes: &[u8], piece: usize, most: u64) -> Option<Vec<u8>> {
    let see = |seen| match seen {
        Seen::Inflated(inflated) if inflated.message.bytes > most => Err(CloseReason::Protocol),
        _ => Ok(()),
    };
    let (mut inflow, mut out) = (deflate::Inflow::default(), Vec::new());
    for part in bytes.chunks(piece.max(1)) {
        inflow.take(Bytes::copy_from_slice(part));
        while inflow.read(&mut (&mut out).limit(1_000), see).ok()? > 0 {}
    }
    Some(out)
}

/// A text as a frame that is compressed, where that gains something.
pub fn deflated(text: &str) -> Option<Bytes> {
    deflate::deflated_frame(&[text])
}

/// Whether a page of `origin` may connect.
pub fn admits(origins: &Origins, origin: &str) -> bool {
    HeaderValue::from_str(origin)
        .is_ok_and(|origin| origins.admit(&HeaderMap::from_iter([(header::ORIGIN, origin)])))
}

/// The session that an open packet names.
pub fn session_of(packet: &[u8]) -> Option<String> {
    polling::session_of(packet).map(|sid| sid.to_string())
}
