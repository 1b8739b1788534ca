//! Engine.IO's HTTP transport: a GET opens a session, further GETs fetch what waits for the client,
//! POSTs carry what it sends.
//!
//! Requests come and go while the session lasts, so its transport is found by the session's id. A
//! closed transport answers "Session ID unknown" at once, to a pending GET as well; the client
//! takes that for a transport error and reconnects.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, service::Service};
use serde::Deserialize;
use socketioxide::{adapter::Adapter, socket::Sid};
use tokio::{
    task::yield_now,
    time::{sleep, timeout},
};

use super::{
    CloseReason, Intake, IoService, Transport, dispatch::Connection, opening::opening_request,
    packets::Packets, query::EngineQuery, refusal::Refusal, registry::Entry,
};

/// The Engine.IO packet by which a client closes its session.
const CLOSE_PACKET: &[u8] = b"1";

/// Bytes of a body that are too few to count.
const UNCOUNTED: usize = 64 << 10;

impl<A: Adapter> Connection<A> {
    /// Opens a session.
    pub(super) async fn open_polling(
        &self,
        headers: &HeaderMap,
        query: EngineQuery,
    ) -> Result<Response, Refusal> {
        let intake = self.edge.receive(self.client(headers))?;
        let mut entry = self.edge.registry.open(self.peer, intake).ok_or(Refusal::Draining)?;
        let transport = entry.transport.clone();

        let sessions = &self.edge.sessions;
        let request = opening_request(query, &transport, sessions, Full::default());
        let response = send(&self.io, request).await;

        // The open packet names the session, and nobody can ask for it before we pass that packet
        // on.
        let (parts, body) = response.into_parts();
        let packet = body
            .collect()
            .await
            .map_err(|_| Refusal::BadRequest("no session was opened"))?
            .to_bytes();
        let sid = session_of(&packet).ok_or(Refusal::BadRequest("no session was opened"))?;
        entry.bind(sid);
        let query = EngineQuery { sid: Some(sid), ..query };
        self.edge.tasks.spawn(end_with_transport(self.io.clone(), query, entry));
        transport.count_out(packet.len());
        Ok(Response::from_parts(parts, Body::from(packet)))
    }

    /// Waits for packets and passes them to the client.
    pub(super) async fn poll(&self, query: EngineQuery, sid: Sid) -> Result<Response, Refusal> {
        let transport = self.session(sid)?;
        let request = query.request(Full::default());
        tokio::select! {
            biased;
            () = transport.wait_closed() => Err(Refusal::UnknownSession),
            response = exchange(&self.io, request, &transport) => {
                // It may have been closed just now, and this be no more than socketioxide's farewell.
                if transport.closed() {
                    return Err(Refusal::UnknownSession);
                }
                polled(response?, &transport).await
            }
        }
    }

    /// Takes packets from the client.
    pub(super) async fn post(
        &self,
        request: Request<Incoming>,
        query: EngineQuery,
        sid: Sid,
    ) -> Result<Response, Refusal> {
        let transport = self.session(sid)?;
        // A request is as good as a frame.
        self.pace(&transport, 1).await?;
        let (parts, body) = request.into_parts();
        let body = tokio::select! {
            biased;
            () = transport.wait_closed() => Err(Refusal::UnknownSession),
            body = self.read_body(body, transport.intake()) => body,
        };
        // The client takes any failure for the end of its session; then so do we.
        let body = body.inspect_err(|refusal| {
            transport.close(match refusal {
                Refusal::Overloaded => CloseReason::Fault,
                _ => CloseReason::Protocol,
            });
        })?;
        transport.count_in(body.len());
        if !transport.intake().may_have_sent(transport.bytes_in()) {
            transport.close(CloseReason::Protocol);
            return Err(Refusal::TooLarge);
        }
        let Some(packets) = Packets::of(body, transport.intake().is_admitted()) else {
            transport.close(CloseReason::Protocol);
            return Err(Refusal::BadRequest("the body holds too many packets"));
        };
        let kind = parts.headers.get(header::CONTENT_TYPE);
        self.hand_on(packets, query, kind, &transport).await
    }

    /// Hands on a body in portions, as fast as its client may send packets, and with a pause for other
    /// clients after each. The first that is refused ends it.
    async fn hand_on(
        &self,
        packets: Packets,
        query: EngineQuery,
        kind: Option<&HeaderValue>,
        transport: &Transport,
    ) -> Result<Response, Refusal> {
        let mut answer = "ok".into_response();
        for portion in packets {
            self.pace(transport, portion.packets).await?;
            let mut request = query.request(Full::new(portion.body));
            *request.method_mut() = Method::POST;
            if let Some(kind) = kind {
                request.headers_mut().insert(header::CONTENT_TYPE, kind.clone());
            }
            answer = exchange(&self.io, request, transport).await?;
            if !answer.status().is_success() {
                break;
            }
            yield_now().await;
        }
        Ok(counted(answer, transport))
    }

    /// Lets so many packets through. An authenticated client waits its turn: it sends no body before
    /// the last was answered, so that it cannot come too early twice unless it sends several at a
    /// time.
    async fn pace(&self, transport: &Transport, packets: u32) -> Result<(), Refusal> {
        let intake = transport.intake();
        let Err(wait) = intake.packets(packets) else { return Ok(()) };
        if intake.is_admitted() && wait <= self.edge.config.body_timeout {
            tokio::select! {
                biased;
                () = transport.wait_closed() => return Err(Refusal::UnknownSession),
                () = sleep(wait) => {}
            }
            if intake.packets(packets).is_ok() {
                return Ok(());
            }
        }
        transport.close(CloseReason::Protocol);
        Err(Refusal::UnknownSession)
    }

    fn session(&self, sid: Sid) -> Result<Transport, Refusal> {
        let transport = self.edge.registry.session(sid).ok_or(Refusal::UnknownSession)?;
        self.standing.carry(transport.intake());
        Ok(transport)
    }

    /// Reads a body of at most `max_payload` bytes, or `first_payload` before a token was shown, each
    /// part of which comes within `header_timeout`, and all within `body_timeout`. A body that says it
    /// is larger is not read.
    async fn read_body(&self, body: Incoming, intake: &Intake) -> Result<Bytes, Refusal> {
        let config = &self.edge.config;
        let most = intake.max_payload(config.max_payload);
        if body.size_hint().lower() > most {
            return Err(Refusal::TooLarge);
        }
        let body = Limited::new(body, usize::try_from(most).unwrap_or(usize::MAX));
        let (whole, part) = (config.body_timeout, config.header_timeout);
        timeout(whole, gather(body, part, intake)).await.map_err(|_| Refusal::BodyTimeout)?
    }
}

/// Reads a body to its end. What is more than a chat needs is counted as it comes.
async fn gather(
    mut body: Limited<Incoming>,
    patience: Duration,
    intake: &Intake,
) -> Result<Bytes, Refusal> {
    let mut bytes = BytesMut::new();
    let mut counted = UNCOUNTED;
    while let Some(frame) =
        timeout(patience, body.frame()).await.map_err(|_| Refusal::BodyTimeout)?
    {
        let frame = frame.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Refusal::TooLarge
            } else {
                Refusal::BadRequest("the body ended early")
            }
        })?;
        let Some(part) = frame.data_ref() else { continue };
        let more = (bytes.len() + part.len()).saturating_sub(counted);
        intake.hold(more as u64).map_err(|reason| match reason {
            CloseReason::Fault => Refusal::Overloaded,
            _ => Refusal::TooLarge,
        })?;
        counted += more;
        bytes.extend_from_slice(part);
    }
    Ok(bytes.freeze())
}

/// Waits for the end of a polling session's transport and then ends the session, in the only way
/// that socketioxide leaves open to us: a close packet, as if from the client. Without it the
/// session would last until its heartbeat times out. It also ends a session whose upgrade to
/// WebSocket failed half-way, which would otherwise last for ever. A session that is gone already,
/// or that a WebSocket serves, is not touched: that stream ends by itself.
async fn end_with_transport<A: Adapter>(io: IoService<A>, query: EngineQuery, entry: Entry) {
    entry.transport.wait_closed().await;
    let mut close = query.request(Full::from(CLOSE_PACKET));
    *close.method_mut() = Method::POST;
    send(&io, close).await;
}

async fn send<A: Adapter>(io: &IoService<A>, request: Request<Full<Bytes>>) -> Response {
    let Ok(response) = Service::<Request<Full<Bytes>>>::call(io, request).await;
    response.map(Body::new)
}

/// Passes a session's request on. If it is refused, the transport ends: to the client it has ended.
async fn exchange<A: Adapter>(
    io: &IoService<A>,
    request: Request<Full<Bytes>>,
    transport: &Transport,
) -> Result<Response, Refusal> {
    let response = send(io, request).await;
    if !response.status().is_success() {
        if transport.closed() {
            return Err(Refusal::UnknownSession);
        }
        // Once a WebSocket serves the session, a polling request that comes late is refused, and
        // rightly: that is no one's end.
        if !transport.is_websocket() {
            transport.close(CloseReason::Protocol);
        }
    }
    Ok(response)
}

/// Takes note of what a poll brings its client.
async fn polled(response: Response, transport: &Transport) -> Result<Response, Refusal> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| Refusal::UnknownSession)?.to_bytes();
    transport.polled(&body);
    Ok(Response::from_parts(parts, Body::from(body)))
}

/// Counts an answer that goes to the client.
fn counted(response: Response, transport: &Transport) -> Response {
    let bytes = response.body().size_hint().lower();
    transport.count_out(usize::try_from(bytes).unwrap_or(usize::MAX));
    response
}

/// The session that an open packet (`0{"sid":...}`) names.
pub(super) fn session_of(packet: &[u8]) -> Option<Sid> {
    #[derive(Deserialize)]
    struct Open {
        sid: Sid,
    }
    let open: Open = serde_json::from_slice(packet.strip_prefix(b"0")?).ok()?;
    Some(open.sid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_packets() {
        let packet =
            br#"0{"sid":"AAAAAAAAAAAAAAHs","upgrades":["websocket"],"pingInterval":25000}"#;
        let sid = session_of(packet).expect("the packet is good");
        assert_eq!(sid.as_str(), "AAAAAAAAAAAAAAHs");
        for packet in ["", "0", "4hello", "0{}", r#"0{"sid":"no"}"#] {
            assert!(session_of(packet.as_bytes()).is_none(), "{packet}");
        }
    }
}
