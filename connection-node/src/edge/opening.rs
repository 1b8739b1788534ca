//! The request that opens a session, as socketioxide is to keep it.
//!
//! It keeps that request for as long as the session lasts, so it is made anew: without a header, for
//! nobody reads one, and in memory of its own. The URI that hyper gives is a slice of the connection's
//! read buffer, and would keep all of it.

use std::sync::Arc;

use http::Request;
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{CloseReason, Transport, query::EngineQuery};

/// A request that opens a session over `transport`. `sessions` counts the session
/// for as long as socketioxide, or anyone who holds its socket, keeps the request.
pub(super) fn opening_request<B>(
    query: EngineQuery,
    transport: &Transport,
    sessions: &TaskTracker,
    body: B,
) -> Request<B> {
    let mut request = query.request(body);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::intake::Intake;

    #[test]
    fn a_session_keeps_what_it_needs_and_ends_its_transport() {
        let query = EngineQuery::parse(Some("EIO=4&transport=websocket&token=secret"));
        let transport = Transport::new(1, ([127, 0, 0, 1], 9).into(), 1_000, Intake::unbounded());
        let sessions = TaskTracker::new();
        let request = opening_request(query.expect("good"), &transport, &sessions, ());

        assert!(request.headers().is_empty());
        assert!(!request.uri().to_string().contains("secret"));
        assert!(request.extensions().get::<Transport>().is_some());

        let parts = request.into_parts().0;
        assert!(!transport.closed() && sessions.len() == 1);
        drop(parts);
        assert!(transport.closed() && sessions.is_empty());
    }
}
