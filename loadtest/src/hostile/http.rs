//! Requests that are none, upgrades that are wrong, and requests that come too slowly.

use std::time::Duration;

use fastrand::Rng;

use super::{
    frame,
    input::{Expect, Input, Kind, Stage, noise, one_of},
};

/// The request that opens a session by polling.
pub(super) const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
/// The same by WebSocket.
pub(super) const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Requests that a server must refuse, each with `@` for a target that would be good.
const REFUSED: [&str; 22] = [
    "GET\r\n\r\n",
    "GET @\r\n\r\n",
    "@ GET HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET @ HTTP/9.9\r\nHost: x\r\n\r\n",
    "GET @ HTTP/1.1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "G\0T @ HTTP/1.1\r\nHost: x\r\n\r\n",
    "GE{T @ HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost x\r\n\r\n",
    "GET @ HTTP/1.1\r\nHo st: x\r\n\r\n",
    "GET @ HTTP/1.1\r\n: x\r\n\r\n",
    "GET @ HTTP/1.1\r\nHost: x\0y\r\n\r\n",
    "POST @ HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST @ HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "POST @ HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    "POST @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
    "POST @ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n",
    "SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "EHLO x\r\n\r\n",
];

pub(super) fn garbage(rng: &mut Rng) -> Input {
    let request = |bytes: Vec<u8>| Input::new(Kind::HttpGarbage, Stage::Tcp, bytes);
    match rng.u8(..8) {
        0 => {
            let mut bytes = noise(rng, 1, 3_000);
            bytes.extend(b"\r\n\r\n");
            request(bytes).expecting(Expect::Refusal)
        }
        1 => {
            let long = "x".repeat(rng.usize(33_000..70_000));
            let head = one_of(rng, &["GET /", "GET / HTTP/1.1\r\nX-Long: ", "GET / HTTP/1.1\r\n"]);
            request(format!("{head}{long} HTTP/1.1\r\n\r\n").into()).expecting(Expect::Refusal)
        }
        2 => {
            let many = "X-Many: x\r\n".repeat(rng.usize(101..2_000));
            let head = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\n{many}\r\n");
            request(head.into()).expecting(Expect::Refusal)
        }
        3 => {
            // A request that is good but for some bytes in it.
            let mut bytes = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes();
            for _ in 0..rng.usize(1..6) {
                let at = rng.usize(..bytes.len());
                bytes[at] = rng.u8(..);
            }
            request(bytes)
        }
        _ => {
            let text = one_of(rng, &REFUSED).replace('@', POLLING);
            request(text.into()).expecting(Expect::Refusal)
        }
    }
}

/// An upgrade with one header changed, or with another request line.
pub(super) fn upgrade(rng: &mut Rng) -> Input {
    const WRONG: [(usize, &str); 17] = [
        (0, ""),
        (0, "Upgrade: h2c"),
        (0, "Upgrade: websockets"),
        (0, "Upgrade: \u{fc}"),
        (1, ""),
        (1, "Connection: keep-alive"),
        (1, "Connection: close"),
        (2, ""),
        (2, "Sec-WebSocket-Version: 8"),
        (2, "Sec-WebSocket-Version: 13, 8"),
        (2, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"),
        (3, ""),
        (3, "Sec-WebSocket-Key: short"),
        (3, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSB0aGF0IGlzIGxvbmc="),
        (3, "Sec-WebSocket-Key: ========================"),
        (3, "Sec-WebSocket-Key: a\r\nSec-WebSocket-Key: b"),
        (4, ""),
    ];
    let line = match rng.u8(..4) {
        0 => one_of(
            rng,
            &[
                "POST /socket.io/?EIO=4&transport=websocket HTTP/1.1",
                "PUT /socket.io/?EIO=4&transport=websocket HTTP/1.1",
                "GET /socket.io/?EIO=4&transport=websocket HTTP/1.0",
                "GET /socket.io/?EIO=4&transport=polling HTTP/1.1",
                "GET /socket.io/?EIO=3&transport=websocket HTTP/1.1",
                "GET /socket.io/?EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAHs HTTP/1.1",
                "GET /socket.io/ HTTP/1.1",
            ],
        )
        .to_owned(),
        _ => format!("GET {WEBSOCKET} HTTP/1.1"),
    };
    let key = format!("Sec-WebSocket-Key: {KEY}");
    let mut headers =
        ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", &key, "Host: x"];
    if line.ends_with("transport=websocket HTTP/1.1") && line.starts_with("GET") {
        let (at, wrong) = one_of(rng, &WRONG);
        headers[at] = wrong;
    }
    let headers = headers.into_iter().filter(|header| !header.is_empty());
    let head: String = headers.flat_map(|header| [header, "\r\n"]).collect();
    // What follows is no frame of anything.
    let mut bytes = format!("{line}\r\n{head}\r\n").into_bytes();
    if rng.bool() {
        bytes.extend(noise(rng, 1, 200));
    }
    Input { kind: Kind::Upgrade, expect: Expect::Refusal, ..garbage_of(bytes) }
}

fn garbage_of(bytes: Vec<u8>) -> Input {
    Input::new(Kind::HttpGarbage, Stage::Tcp, bytes)
}

pub(super) fn query(rng: &mut Rng) -> Input {
    const QUERIES: [&str; 12] = [
        "",
        "?",
        "?EIO=4",
        "?transport=polling",
        "?EIO=3&transport=polling",
        "?EIO=99999999999999999999&transport=polling",
        "?EIO=4&transport=webtransport",
        "?EIO=4&transport=%70olling",
        "?EIO=4&transport=polling&sid=",
        "?EIO=4&transport=polling&sid=../../etc/passwd",
        "?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAHs",
        "?EIO[]=4&transport[]=polling",
    ];
    const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "X"];
    let (method, query) = match rng.u8(..3) {
        0 => (one_of(rng, &METHODS[1..6]), "?EIO=4&transport=polling".to_owned()),
        1 => {
            let sid: String = (0..rng.usize(1..4_000)).map(|_| rng.alphanumeric()).collect();
            (one_of(rng, &METHODS[..4]), format!("?EIO=4&transport=polling&sid={sid}"))
        }
        _ => (one_of(rng, &METHODS), one_of(rng, &QUERIES).to_owned()),
    };
    let request =
        format!("{method} /socket.io/{query} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n40");
    Input { kind: Kind::Query, expect: Expect::Refusal, ..garbage_of(request.into()) }
}

/// Connections that are opened and not used, or so slowly that they would last for ever.
pub(super) fn slow(rng: &mut Rng) -> Input {
    let head = format!("GET {POLLING} HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    let endless = "x".repeat(4_000);
    let (stage, part) = match rng.u8(..6) {
        // Silent from the start, or after half a head.
        0 => (Stage::Tcp, Vec::new()),
        1 => (Stage::Tcp, head.into_bytes()),
        // A head that never ends.
        2 => (Stage::Tcp, format!("{head}{endless}").into_bytes()),
        // A WebSocket that enters nothing: silent, with half a frame, and with a frame that drips in.
        3 => (Stage::WebSocket, Vec::new()),
        4 => (Stage::WebSocket, frame::text(rng, b"40{\"token\":")[..4].to_vec()),
        _ => (Stage::WebSocket, frame::text(rng, endless.as_bytes())),
    };
    let drip = Duration::from_millis(rng.u64(50..250));
    let input = Input::new(Kind::Slow, stage, part).expecting(Expect::End);
    Input { drip: Some(drip), ..input }
}
