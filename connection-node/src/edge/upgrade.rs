//! The WebSocket opening handshake (RFC 6455, section 4.2), and the way from hyper's stream to the
//! one that socketioxide gets.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Version, header};
use hyper::{
    body::Incoming,
    service::Service,
    upgrade::{OnUpgrade, Parts},
};
use socketioxide::adapter::Adapter;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    Edge, IoService, Transport, deflate, dispatch::Connection, opening::opening_request,
    query::EngineQuery, refusal::Refusal, registry::Entry, serve::ServedIo, stream::ClientStream,
};

impl<A: Adapter> Connection<A> {
    /// Answers an upgrade request, and has the stream handed to socketioxide once hyper has sent
    /// the answer.
    pub(super) fn upgrade(
        &self,
        mut request: Request<Incoming>,
        query: EngineQuery,
    ) -> Result<Response, Refusal> {
        let headers = request.headers();
        let key = websocket_key(request.method(), request.version(), headers)?;
        let mut answer = switching_protocols(key)?;
        let (transport, entry) = self.transport_for(query, headers)?;
        let extension = self.edge.config.compression.then(|| deflate::accept(headers)).flatten();
        transport.set_deflated(extension.is_some());
        if let Some(extension) = extension {
            answer.headers_mut().insert(header::SEC_WEBSOCKET_EXTENSIONS, extension);
        }
        let opening = if entry.is_some() {
            opening_request(query, &transport, &self.edge.sessions, ())
        } else {
            // The session has its opening request; this one is not kept.
            query.request(())
        };
        let handover =
            Handover { edge: self.edge.clone(), io: self.io.clone(), transport, entry, opening };
        let upgraded = hyper::upgrade::on(&mut request);
        self.edge.tasks.spawn(handover.run(upgraded));
        Ok(answer)
    }

    /// A new transport, or that of the polling session to be upgraded, which keeps its place in the
    /// registry.
    fn transport_for(
        &self,
        query: EngineQuery,
        headers: &HeaderMap,
    ) -> Result<(Transport, Option<Entry>), Refusal> {
        let registry = &self.edge.registry;
        let Some(sid) = query.sid else {
            let intake = self.edge.receive(self.client(headers))?;
            let entry = registry.open(self.peer, intake).ok_or(Refusal::Draining)?;
            entry.transport.claim_websocket();
            return Ok((entry.transport.clone(), Some(entry)));
        };
        let transport = registry.session(sid).ok_or(Refusal::UnknownSession)?;
        if !transport.claim_websocket() {
            return Err(Refusal::BadRequest("the session has a WebSocket already"));
        }
        Ok((transport, None))
    }
}

/// One WebSocket on its way from hyper to socketioxide.
struct Handover<A: Adapter> {
    edge: Arc<Edge>,
    io: IoService<A>,
    transport: Transport,
    /// Where the WebSocket opens a session; where it upgrades one, that session holds the entry.
    entry: Option<Entry>,
    opening: Request<()>,
}

impl<A: Adapter> Handover<A> {
    async fn run(self, upgraded: OnUpgrade) {
        let Some(parts) = bare_stream(upgraded).await else {
            self.transport.release_websocket();
            return;
        };
        if self.entry.is_none() && !self.probed(&parts).await {
            self.transport.release_websocket();
            return;
        }
        let (reader, writer) = parts.io.into_inner().into_inner().into_split();
        self.transport.attach(Box::new(writer), self.edge.config.write_stall);
        let stream = ClientStream::new(
            reader,
            parts.read_buf,
            self.transport,
            self.entry,
            self.edge.tasks.token(),
        );
        // Socketioxide takes it from here, in tasks of its own. They hold room for it several times over,
        // so that a pointer is less.
        if let Err(error) = Service::call(&self.io, (Box::new(stream), self.opening)).await {
            tracing::error!(%error, "socketioxide refused a request that the edge had admitted");
        }
    }

    /// Whether the client has begun to use the WebSocket by which it wants to upgrade. From the
    /// moment that socketioxide has the stream, a failure ends the session; a WebSocket that some
    /// middlebox opens and then starves must leave polling as it is.
    async fn probed(&self, parts: &Parts<ServedIo>) -> bool {
        if !parts.read_buf.is_empty() {
            return true;
        }
        let stream = parts.io.inner().get_ref();
        tokio::select! {
            biased;
            () = self.transport.wait_closed() => false,
            sent = first_byte(stream, self.edge.config.connect_timeout) => sent,
        }
    }
}

/// Whether a byte arrives within `limit`.
async fn first_byte(stream: &TcpStream, limit: Duration) -> bool {
    matches!(timeout(limit, stream.peek(&mut [0])).await, Ok(Ok(1..)))
}

/// Takes the stream out of hyper, with what was read from it too early.
async fn bare_stream(upgraded: OnUpgrade) -> Option<Parts<ServedIo>> {
    let upgraded = upgraded
        .await
        .inspect_err(|error| tracing::debug!(%error, "the client left during its upgrade"))
        .ok()?;
    upgraded
        .downcast::<ServedIo>()
        .inspect_err(|_| tracing::error!("hyper returned another stream than it was given"))
        .ok()
}

/// Checks an opening handshake and returns its key.
pub(super) fn websocket_key<'h>(
    method: &Method,
    version: Version,
    headers: &'h HeaderMap,
) -> Result<&'h HeaderValue, Refusal> {
    if method != Method::GET {
        return Err(Refusal::BadMethod);
    }
    if version < Version::HTTP_11 {
        return Err(Refusal::BadRequest("a WebSocket needs HTTP/1.1"));
    }
    if !lists(headers, &header::UPGRADE, "websocket") {
        return Err(Refusal::NotAnUpgrade);
    }
    if !lists(headers, &header::CONNECTION, "upgrade") {
        return Err(Refusal::BadRequest("Connection does not name Upgrade"));
    }
    if !headers.contains_key(header::HOST) {
        return Err(Refusal::BadRequest("Host is missing"));
    }
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    };
    if only(&header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::WebSocketVersion);
    }
    only(&header::SEC_WEBSOCKET_KEY)
        .filter(|key| is_key(key.as_bytes()))
        .ok_or(Refusal::BadRequest("Sec-WebSocket-Key is not 16 bytes in base64"))
}

/// Whether a header that is a list of tokens has this one, in whatever case.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(token))
}

/// 16 bytes in base64 are 22 characters of its alphabet, and two of padding.
fn is_key(key: &[u8]) -> bool {
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.strip_suffix(b"==").is_some_and(|key| key.len() == 22 && key.iter().all(alphabet))
}

/// The 101 that completes the handshake. It names no subprotocol: none is negotiated.
pub(super) fn switching_protocols(key: &HeaderValue) -> Result<Response, Refusal> {
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| Refusal::BadRequest("Sec-WebSocket-Key cannot be answered"))?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    /// A good handshake with some headers changed; an empty value takes the header away.
    fn handshake(changed: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let good = [
            ("host", "chat.example.com"),
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", KEY),
        ];
        for (name, value) in good.iter().chain(changed) {
            let value = HeaderValue::from_str(value).expect("a header value");
            headers.insert(*name, value);
        }
        headers
            .into_iter()
            .filter_map(|(name, value)| name.filter(|_| !value.is_empty()).zip(Some(value)))
            .collect()
    }

    #[test]
    fn the_accept_key_of_the_rfc() {
        let key = HeaderValue::from_static(KEY);
        let response = switching_protocols(&key).expect("the key is good");
        assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let accept = response.headers().get("sec-websocket-accept");
        assert_eq!(
            accept.map(HeaderValue::as_bytes),
            Some(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".as_slice())
        );
    }

    #[test]
    fn handshakes() {
        type Case = (&'static [(&'static str, &'static str)], Option<Refusal>);
        use Refusal::{BadRequest, NotAnUpgrade, WebSocketVersion};
        const BAD_KEY: Refusal = BadRequest("Sec-WebSocket-Key is not 16 bytes in base64");
        let cases: [Case; 15] = [
            (&[], None),
            (&[("upgrade", "WebSocket")], None),
            (&[("upgrade", "h2c, websocket")], None),
            (&[("connection", "keep-alive, upgrade")], None),
            (&[("sec-websocket-protocol", "chat")], None),
            (&[("upgrade", "")], Some(NotAnUpgrade)),
            (&[("upgrade", "h2c")], Some(NotAnUpgrade)),
            (&[("connection", "keep-alive")], Some(BadRequest("Connection does not name Upgrade"))),
            (&[("host", "")], Some(BadRequest("Host is missing"))),
            (&[("sec-websocket-version", "")], Some(WebSocketVersion)),
            (&[("sec-websocket-version", "8")], Some(WebSocketVersion)),
            (&[("sec-websocket-key", "")], Some(BAD_KEY)),
            (&[("sec-websocket-key", "c2hvcnQ=")], Some(BAD_KEY)),
            (&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ!!")], Some(BAD_KEY)),
            (&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZSB0aGF0IGlzIGxvbmc==")], Some(BAD_KEY)),
        ];
        for (changed, refusal) in cases {
            let headers = handshake(changed);
            let key = websocket_key(&Method::GET, Version::HTTP_11, &headers);
            assert_eq!(key.err(), refusal, "{changed:?}");
        }
    }

    #[test]
    fn a_handshake_is_a_get_of_http_1_1_with_one_key() {
        let mut headers = handshake(&[]);
        let post = websocket_key(&Method::POST, Version::HTTP_11, &headers);
        assert_eq!(post.err(), Some(Refusal::BadMethod));
        assert!(websocket_key(&Method::GET, Version::HTTP_10, &headers).is_err());
        headers.append("sec-websocket-key", HeaderValue::from_static(KEY));
        assert!(websocket_key(&Method::GET, Version::HTTP_11, &headers).is_err());
    }
}
