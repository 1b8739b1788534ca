//! Serving HTTP to whoever comes: bounded in connections, in bytes and in time. Socket.IO's transports
//! have a server of their own in the connection node.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{request_body::PromptBody, stall::StallTimeout};

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 1_024;
/// How long a client may take over a request's head, also of the next request on a connection.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Bytes that a request's head may have.
const MAX_HEAD: usize = 32 << 10;
/// How long a client may leave an answer unread that no longer fits into the sockets' buffers.
const WRITE_STALL: Duration = Duration::from_secs(20);
/// How long to wait after an accept that failed for want of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`; requests that are under way then have `finish` to end. A client that sends
/// its request slowly, or reads nothing of the answer, is disconnected; nothing is kept from stopping.
pub async fn serve_http(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    finish: Duration,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(MAX_HEAD);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let (graceful, tasks, abort) =
        (GracefulShutdown::new(), TaskTracker::new(), CancellationToken::new());
    while let Some(Ok(place)) = shutdown.run_until_cancelled(places.clone().acquire_owned()).await
        && let Some(accepted) = shutdown.run_until_cancelled(listener.accept()).await
    {
        match accepted {
            Ok((stream, peer)) => {
                let router = router.clone();
                let prompt =
                    router.map_request(|request: Request<Incoming>| request.map(PromptBody::new));
                let io = TokioIo::new(StallTimeout::new(stream, WRITE_STALL));
                let service = TowerToHyperService::new(prompt);
                let served = graceful.watch(http.serve_connection(io, service));
                let abort = abort.clone();
                tasks.spawn(async move {
                    if let Some(Err(error)) = abort.run_until_cancelled(served).await {
                        tracing::debug!(%peer, %error, "an HTTP connection ended early");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection for now");
                shutdown.run_until_cancelled(tokio::time::sleep(ACCEPT_PAUSE)).await;
            }
        }
    }
    drop(listener);
    if timeout(finish, graceful.shutdown()).await.is_err() {
        tracing::warn!("left with requests under way after {finish:?}");
    }
    abort.cancel();
    tasks.close();
    tasks.wait().await;
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        pin::Pin,
        task::{Context, Poll},
    };

    use axum::{body::Body, extract::State, routing::get};
    use bytes::Bytes;
    use hyper::body::Frame;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::Notify,
    };

    use super::*;

    /// A server with a path that answers, and one that tells when it is reached and never answers.
    async fn server(
        shutdown: &CancellationToken,
    ) -> (std::net::SocketAddr, Arc<Notify>, impl Future<Output = ()> + use<>) {
        let reached = Arc::new(Notify::new());
        let never = {
            let reached = reached.clone();
            get(async move || {
                reached.notify_one();
                std::future::pending::<()>().await;
            })
        };
        let router = Router::new()
            .route("/", get(async || "ok").post(async |body: String| body))
            .route("/never", never)
            .route("/endless", get(async move |State(ended)| Body::new(Endless(ended))))
            .with_state(reached.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = serve_http(listener, router, shutdown.clone(), Duration::from_millis(50));
        (address, reached, served)
    }

    /// An answer without an end; tells when nobody sends it any more.
    struct Endless(Arc<Notify>);

    impl hyper::body::Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[0; 1 << 14])))))
        }
    }

    impl Drop for Endless {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    async fn ask(address: std::net::SocketAddr, words: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream
    }

    #[tokio::test]
    async fn requests_are_answered_and_one_without_an_end_keeps_nothing_from_stopping() {
        let shutdown = CancellationToken::new();
        let (address, reached, served) = server(&shutdown).await;
        let served = tokio::spawn(served);
        let close = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let mut answered = String::new();
        let mut asking = ask(address, &format!("GET / {close}")).await;
        asking.read_to_string(&mut answered).await.unwrap();
        assert!(answered.starts_with("HTTP/1.1 200") && answered.ends_with("ok"), "{answered}");

        let _pending = ask(address, &format!("GET /never {close}")).await;
        reached.notified().await;
        shutdown.cancel();
        served.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "it still listens");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_does_not_end_is_not_waited_for() {
        let shutdown = CancellationToken::new();
        let (address, _, served) = server(&shutdown).await;
        let served = tokio::spawn(served);
        let mut slow = ask(address, "GET / HTTP/1.1\r\nhost: x\r\n").await;
        let mut rest = Vec::new();
        // The clock jumps as soon as everybody waits.
        slow.read_to_end(&mut rest).await.unwrap();
        shutdown.cancel();
        served.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        let shutdown = CancellationToken::new();
        let (address, _, served) = server(&shutdown).await;
        let served = tokio::spawn(served);
        let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n";
        let (mut slow, mut rest) = (ask(address, &format!("{head}ab")).await, String::new());
        slow.read_to_string(&mut rest).await.unwrap();
        assert!(rest.starts_with("HTTP/1.1 400"), "{rest}");
        let mut prompt = ask(address, &format!("{head}abc")).await;
        rest.clear();
        // Until it asks for nothing more in time.
        prompt.read_to_string(&mut rest).await.unwrap();
        assert!(rest.starts_with("HTTP/1.1 200") && rest.ends_with("abc"), "{rest}");
        shutdown.cancel();
        served.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_the_answer_is_not_waited_for() {
        let shutdown = CancellationToken::new();
        let (address, ended, served) = server(&shutdown).await;
        let served = tokio::spawn(served);
        let _deaf = ask(address, "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
        ended.notified().await;
        shutdown.cancel();
        served.await.unwrap();
    }
}
