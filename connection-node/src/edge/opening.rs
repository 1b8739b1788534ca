//! The request that opens a session, as socketioxide is to keep it.
//!
//! It keeps that request for as long as the session lasts, so it is made anew: without what nobody
//! reads, and in memory of its own. The URI and the headers that hyper gives are slices of the
//! connection's read buffer, and would keep all of it.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{CloseReason, Transport, query::EngineQuery};

/// The headers that the code of a session may want to see.
const KEPT: [HeaderName; 6] = [
    header::USER_AGENT,
    header::ORIGIN,
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// A request that opens a session over `transport`. `sessions` counts the session
/// for as long as socketioxide, or anyone who holds its socket, keeps the request.
pub(super) fn opening_request<B>(
    query: EngineQuery,
    headers: &HeaderMap,
    transport: &Transport,
    sessions: &TaskTracker,
    body: B,
) -> Request<B> {
    let mut request = query.request(body);
    *request.headers_mut() = kept(headers);
    let end = SessionEnd { transport: transport.clone(), _session: sessions.token() };
    request.extensions_mut().insert(transport.clone());
    request.extensions_mut().insert(Arc::new(end));
    request
}

/// Rests in the request, and so closes the transport when the session is gone.
struct SessionEnd {
    transport: Transport,
    _session: TaskTrackerToken,
}

impl Drop for SessionEnd {
    fn drop(&mut self) {
        self.transport.close(CloseReason::Ended);
    }
}

fn kept(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in KEPT {
        for value in headers.get_all(&name) {
            if let Ok(copy) = HeaderValue::from_bytes(value.as_bytes()) {
                kept.append(&name, copy);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::intake::Intake;

    #[test]
    fn a_session_keeps_what_it_may_need_and_ends_its_transport() {
        let headers: HeaderMap = [
            (header::USER_AGENT, "a browser"),
            (header::COOKIE, "secret"),
            (header::AUTHORIZATION, "secret"),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
        let query = EngineQuery::parse(Some("EIO=4&transport=websocket&token=secret"));
        let transport = Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded());
        let sessions = TaskTracker::new();
        let request = opening_request(query.expect("good"), &headers, &transport, &sessions, ());

        assert_eq!(request.headers().get(header::USER_AGENT), headers.get(header::USER_AGENT));
        assert_eq!(request.headers().len(), 1);
        assert!(!request.uri().to_string().contains("secret"));
        assert!(request.extensions().get::<Transport>().is_some());

        let parts = request.into_parts().0;
        assert!(!transport.closed() && sessions.len() == 1);
        drop(parts);
        assert!(transport.closed() && sessions.is_empty());
    }
}
