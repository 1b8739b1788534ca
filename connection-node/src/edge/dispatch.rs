//! Which request goes where: Socket.IO's by method and transport, under an admitted origin; all
//! others to the application.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{IntoResponse, Response},
};
use engineioxide::TransportType;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Incoming;
use socketioxide::adapter::Adapter;
use tokio::time::timeout;
use tower::ServiceExt;

use super::{
    Edge, IoService,
    encoding::encoded,
    headers::{ask_for_tls, mark_as_data},
    origin::allow_reading,
    query::{EngineQuery, is_engine_path},
    refusal::Refusal,
    standing::Standing,
};
use crate::limits::AddressGroup;

/// Where the application asks for tokens.
const API: &str = "/api/";

/// What one TCP connection's requests are served with.
pub(super) struct Connection<A: Adapter> {
    pub(super) edge: Arc<Edge>,
    pub(super) io: IoService<A>,
    pub(super) app: Router,
    pub(super) peer: SocketAddr,
    pub(super) standing: Standing,
}

impl<A: Adapter> Connection<A> {
    /// Answers one request.
    pub(super) async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let secure = self.edge.config.tls_only
            || self.edge.limits().is_secure(self.peer.ip(), request.headers());
        let mut response = if is_engine_path(request.uri().path()) {
            self.handle_engine(request).await
        } else {
            self.handle_app(request).await?
        };
        if secure {
            ask_for_tls(response.headers_mut());
        }
        Ok(response)
    }

    /// The address of the one who asks.
    pub(super) fn client(&self, headers: &HeaderMap) -> AddressGroup {
        self.edge.limits().client(self.peer.ip(), headers)
    }

    async fn handle_app(&self, request: Request<Incoming>) -> Result<Response, Infallible> {
        let client = self.client(request.headers());
        // Who is kept out cannot try another token; what needs none stays open to it.
        if request.uri().path().starts_with(API)
            && let Err(wait) = self.edge.limits().penalty(client)
        {
            return Ok(self.refuse_app(Refusal::RateLimited(wait)));
        }
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        // A handler reads its body before it answers: this ends those that trickle.
        let answer = timeout(self.edge.config.body_timeout, self.app.clone().oneshot(request));
        let Ok(answer) = answer.await else { return Ok(self.refuse_app(Refusal::BodyTimeout)) };
        let response = answer?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Err(wait) = self.edge.limits().failure(client)
        {
            return Ok(self.refuse_app(Refusal::RateLimited(wait)));
        }
        Ok(response)
    }

    /// An answer in the place of the application's.
    fn refuse_app(&self, refusal: Refusal) -> Response {
        self.edge.refusals.count(refusal);
        let mut response = refusal.into_response();
        mark_as_data(&mut response);
        response
    }

    async fn handle_engine(&self, request: Request<Incoming>) -> Response {
        let origin = request.headers().get(header::ORIGIN).cloned();
        if !self.edge.config.allowed_origins.admit(request.headers()) {
            tracing::debug!(peer = %self.peer, ?origin, "refused an origin");
            self.edge.refusals.count(Refusal::Origin);
            return Refusal::Origin.into_response();
        }
        let answer = if request.method() == Method::OPTIONS {
            Ok(preflight(request.headers()))
        } else {
            self.route(request).await
        };
        let mut response = answer.unwrap_or_else(|refusal| {
            tracing::debug!(peer = %self.peer, %refusal, "refused a Socket.IO request");
            self.edge.refusals.count(refusal);
            refusal.into_response()
        });
        if let Some(origin) = origin {
            allow_reading(origin, response.headers_mut());
        }
        mark_as_data(&mut response);
        response
    }

    async fn route(&self, request: Request<Incoming>) -> Result<Response, Refusal> {
        let query = EngineQuery::parse(request.uri().query())?;
        match (query.transport, request.method(), query.sid) {
            (TransportType::Websocket, _, _) => self.upgrade(request, query),
            (TransportType::Polling, _, _) if request.headers().contains_key(header::UPGRADE) => {
                Err(Refusal::BadRequest("polling cannot be upgraded"))
            }
            (TransportType::Polling, &Method::GET, None) => {
                self.open_polling(request.headers(), query).await
            }
            (TransportType::Polling, &Method::GET, Some(sid)) => {
                let answer = self.poll(query, sid).await?;
                let as_it_is = !self.edge.config.compression;
                Ok(if as_it_is { answer } else { encoded(request.headers(), answer).await })
            }
            (TransportType::Polling, &Method::POST, Some(sid)) => {
                self.post(request, query, sid).await
            }
            (TransportType::Polling, _, _) => Err(Refusal::BadMethod),
        }
    }
}

/// The answer to a browser that asks before it sends a request with headers of the page's own.
fn preflight(asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    if let Some(names) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    response
}
