//! What opens a connection: the query, the WebSocket handshake, the origin, the packet that names a
//! session. The first byte says which; headers are lines of `name: value`.
#![no_main]

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use connection_node::edge::{Origins, fuzzing};
use http::{HeaderMap, HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;

/// Base64 as a lenient reader takes it: only the padding has to be right.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let text = std::str::from_utf8(bytes);
    match (which % 4, text) {
        (0, Ok(text)) => query(text),
        (1, _) => handshake(&headers(bytes)),
        (2, Ok(text)) => origins(text),
        (3, _) => session(bytes),
        _ => {}
    }
});

fn query(text: &str) {
    let Some(uri) = fuzzing::engine_query(text) else { return };
    let (path, read) = uri.split_once('?').expect("it has a query");
    assert_eq!(path, "/socket.io/");
    assert!(read.len() < 80, "{read}");
    assert_eq!(fuzzing::engine_query(read), Some(uri.clone()), "what is passed on says the same");
    let written: Vec<_> = text.split('&').collect();
    for parameter in read.split('&') {
        assert!(written.contains(&parameter), "nobody wrote {parameter}");
    }
}

fn headers(bytes: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|&byte| byte == b'\n') {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value =
            parts.next().map(<[u8]>::trim_ascii).and_then(|v| HeaderValue::from_bytes(v).ok());
        if let Some((name, value)) = name.zip(value) {
            headers.append(name, value);
        }
    }
    headers
}

fn handshake(headers: &HeaderMap) {
    let keys: Vec<_> = headers.get_all("sec-websocket-key").iter().collect();
    let Some(accept) = fuzzing::websocket_accept(headers) else { return };
    let [key] = keys[..] else { panic!("{} keys were accepted", keys.len()) };
    assert_eq!(LENIENT.decode(key).map(|key| key.len()), Ok(16), "{key:?}");
    assert_eq!(LENIENT.decode(accept).map(|hash| hash.len()), Ok(20));
    let lists = |name: &str, token: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(token))
    };
    assert!(lists("upgrade", "websocket") && lists("connection", "upgrade"));
    assert_eq!(headers["sec-websocket-version"], "13");
}

fn origins(text: &str) {
    let Ok(Origins::Listed(listed)) = text.parse::<Origins>() else { return };
    for origin in listed.iter() {
        let again: Origins = origin.parse().unwrap_or_else(|error| panic!("{origin}: {error}"));
        assert_eq!(
            again,
            Origins::Listed(
                [origin.clone()].into_iter().collect::<std::collections::BTreeSet<_>>().into()
            )
        );
        assert!(fuzzing::admits(&again, origin) && !fuzzing::admits(&Origins::default(), origin));
        assert!(!fuzzing::admits(&again, &format!("{origin}.evil.example")));
    }
}

fn session(bytes: &[u8]) {
    let Some(sid) = fuzzing::session_of(bytes) else { return };
    // What is no text fails here, in fields that nobody reads.
    if let Ok(read) = serde_json::from_slice::<serde_json::Value>(&bytes[1..]) {
        assert_eq!(read["sid"].as_str(), Some(&*sid));
    }
}
