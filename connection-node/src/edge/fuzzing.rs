//! Ways into this module's parsers for the targets of `loadtest/fuzz`. It is part of no other build:
//! cargo-fuzz sets `--cfg fuzzing`.

use http::{HeaderMap, HeaderValue, Method, Version, header};

use super::{Origins, polling, query::EngineQuery, upgrade};

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

/// Whether a page of `origin` may connect.
pub fn admits(origins: &Origins, origin: &str) -> bool {
    HeaderValue::from_str(origin)
        .is_ok_and(|origin| origins.admit(&HeaderMap::from_iter([(header::ORIGIN, origin)])))
}

/// The session that an open packet names.
pub fn session_of(packet: &[u8]) -> Option<String> {
    polling::session_of(packet).map(|sid| sid.to_string())
}
