//! A proxy before the S3 server that does to requests what networks and servers in trouble do.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, BodyStream, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use local_stack::port;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::world::PATIENCE;

/// Between two bytes that trickle.
const DRIP: Duration = Duration::from_millis(20);

/// What is done to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: they are passed on.
    None,
    /// They are answered with 500.
    Fails,
    /// As `Fails`, but for the first of this number, and for checks of the bucket.
    FailsAfter(usize),
    /// They are taken and held; when the fault ends, they are passed on.
    Silent,
    /// As `Silent`, but for the first of this number, and for checks of the bucket.
    SilentAfter(usize),
    /// They are passed on, and the answer comes byte by byte.
    Trickles,
    /// No connection is taken, and those that are open are cut.
    Refuses,
}

/// A running proxy; dropping it ends it.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    upstream: SocketAddr,
    fault: watch::Sender<Fault>,
    /// Requests since the fault was set, without checks of the bucket.
    requests: watch::Sender<usize>,
}

impl FaultProxy {
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = port::listen_anywhere().await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream,
            fault: watch::Sender::new(Fault::None),
            requests: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, address, shared.clone()));
        Self { address, shared, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn set(&self, fault: Fault) {
        self.shared.requests.send_replace(0);
        self.shared.fault.send_replace(fault);
    }

    /// Waits until so many requests have come since the fault was set.
    pub async fn requests(&self, number: usize) {
        let mut requests = self.shared.requests.subscribe();
        let enough = requests.wait_for(|seen| *seen >= number);
        timeout(PATIENCE, enough).await.expect("too few requests come").unwrap();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes connections until the end, and gives up the listener while they are to be refused.
async fn accept(listener: TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let mut fault = shared.fault.subscribe();
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        if *fault.borrow_and_update() == Fault::Refuses {
            listener = None;
            connections.shutdown().await;
            fault.wait_for(|fault| *fault != Fault::Refuses).await.unwrap();
        }
        if listener.is_none() {
            listener = Some(port::listen(address, "the proxy").await.unwrap());
        }
        tokio::select! {
            accepted = listener.as_ref().unwrap().accept() => {
                connections.spawn(connection(accepted.unwrap().0, shared.clone()));
            }
            changed = fault.changed() => changed.unwrap(),
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let answer = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    // A client that goes away is nothing to the proxy.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

type Body = BoxBody<Bytes, hyper::Error>;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let check = request.method() == Method::HEAD;
        let fault = *self.fault.borrow();
        let mut number = 0;
        self.requests.send_modify(|seen| {
            number = *seen;
            *seen += usize::from(!check);
        });
        match fault {
            Fault::None => self.pass(request).await,
            Fault::SilentAfter(first) | Fault::FailsAfter(first) if check || number < first => {
                self.pass(request).await
            }
            Fault::Fails | Fault::FailsAfter(_) | Fault::Refuses => {
                bare(StatusCode::INTERNAL_SERVER_ERROR)
            }
            Fault::Silent | Fault::SilentAfter(_) => {
                let mut changes = self.fault.subscribe();
                changes.wait_for(|now| *now != fault).await.unwrap();
                self.pass(request).await
            }
            Fault::Trickles => self.pass(request).await.map(trickle),
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> Response<Body> {
        let passing = async {
            let stream = TokioIo::new(TcpStream::connect(self.upstream).await?);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
            // Ends with the request or with its answer's body.
            tokio::spawn(connection);
            let answer = sender.send_request(request).await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(answer.map(Body::new))
        };
        passing.await.unwrap_or_else(|_| bare(StatusCode::BAD_GATEWAY))
    }
}

fn bare(status: StatusCode) -> Response<Body> {
    let empty = Empty::new().map_err(|never| match never {}).boxed();
    let mut response = Response::new(empty);
    *response.status_mut() = status;
    response
}

fn trickle(body: Body) -> Body {
    let drips = BodyStream::new(body).map_ok(|frame| {
        let bytes = frame.into_data().unwrap_or_default();
        stream::iter(bytes).then(|byte| async move {
            sleep(DRIP).await;
            Ok(Frame::data(Bytes::from(vec![byte])))
        })
    });
    Body::new(StreamBody::new(drips.try_flatten()))
}
