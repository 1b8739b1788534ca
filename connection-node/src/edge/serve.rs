//! The accept loop: one task a connection, each under the limits of HTTP and known to the edge, so
//! that a shutdown can end it.

use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use service_shell::StallTimeout;
use socket2::SockRef;
use socketioxide::adapter::Adapter;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    Edge, EdgeConfig, IoService, dispatch::Connection, refusal::Refusal, standing::Standing,
};
use crate::limits::Place;

/// Bytes that a request's head may have, and that hyper buffers at most for one connection.
const MAX_HEAD: usize = 32 << 10;

/// How long to wait after an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The stream as hyper serves it, and gives it back after an upgrade.
pub(super) type ServedIo = TokioIo<StallTimeout<TcpStream>>;

/// Serves `app`, and Socket.IO under `/socket.io/`, on `listener` until `shutdown`. Then it stops
/// accepting, closes all transports (paced, see [`Edge::close_all`]), lets HTTP requests in flight
/// finish for `drain_grace`, and returns with no connection left, once the disconnect handlers have
/// let go of their sockets (or a second later, should one not).
///
/// Handlers of `app` find the client's address in `ConnectInfo<SocketAddr>`.
///
/// # Errors
/// If connections are left that cannot be ended.
pub async fn serve<A: Adapter>(
    listener: TcpListener,
    app: Router,
    io_service: IoService<A>,
    edge: Arc<Edge>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let http = http1_builder(&edge);
    while let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, peer)) => {
                // One too many is closed without a word: it costs least, and there is no request yet.
                let Some(place) = place_of(&edge, peer) else { continue };
                let connection = Connection {
                    edge: edge.clone(),
                    io: io_service.clone(),
                    app: app.clone(),
                    peer,
                    standing: Standing::new(place),
                };
                edge.tasks.spawn(serve_connection(http.clone(), stream, connection));
            }
            Err(error) if is_the_clients(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections for now");
                shutdown.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
    drop(listener);
    edge.drain().await
}

/// The place of a connection that is busy with HTTP, see [`Standing`]. Behind a proxy are many clients, whom
/// it keeps apart.
fn place_of(edge: &Edge, peer: SocketAddr) -> Option<Place> {
    let limits = edge.limits();
    let place = limits.http().enter(peer.ip().into(), limits.is_proxy(peer.ip()));
    place.inspect_err(|full| edge.refusals.count(Refusal::Crowded(*full))).ok()
}

fn http1_builder(edge: &Edge) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(edge.config.header_timeout)
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD);
    builder
}

async fn serve_connection<A: Adapter>(
    http: http1::Builder,
    stream: TcpStream,
    connection: Connection<A>,
) {
    let edge = connection.edge.clone();
    let peer = connection.peer;
    let io = accepted_io(stream, peer, &edge.config);
    let connection = Arc::new(connection);
    let service = service_fn(move |request: Request<Incoming>| connection.clone().handle(request));
    let mut served = pin!(http.serve_connection(io, service).with_upgrades());
    let ended = tokio::select! {
        ended = served.as_mut() => Some(ended),
        () = edge.finish.cancelled() => {
            served.as_mut().graceful_shutdown();
            edge.abort.run_until_cancelled(served.as_mut()).await
        }
    };
    if let Some(Err(error)) = ended {
        tracing::debug!(%peer, %error, "an HTTP connection ended early");
    }
}

/// Sets up an accepted connection: small packets leave at once, little waits in the kernel, and writes
/// have a deadline.
fn accepted_io(stream: TcpStream, peer: SocketAddr, config: &EdgeConfig) -> ServedIo {
    let set = stream
        .set_nodelay(true)
        .and_then(|()| SockRef::from(&stream).set_send_buffer_size(config.send_buffer));
    if let Err(error) = set {
        tracing::debug!(%peer, %error, "cannot set the options of a socket");
    }
    TokioIo::new(StallTimeout::new(stream, config.write_stall))
}

/// Whether an accept failed because a client was gone before its turn.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}
