//! One HTTP/1.1 request on a connection of its own.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Uri, header::HOST};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much of an answer's body is read, in bytes.
const BODY_BOUND: usize = 64 * 1024;

/// Where a node listens: `host:port` of an `http://` address.
///
/// # Errors
/// When `url` is of another scheme or names no host.
pub fn authority(url: &Uri) -> anyhow::Result<String> {
    anyhow::ensure!(url.scheme_str() == Some("http"), "{url} is no http:// address");
    let host = url.host().with_context(|| format!("{url} names no host"))?;
    Ok(format!("{host}:{}", url.port_u16().unwrap_or(80)))
}

/// Sends `request` to its URI; returns the status and the body.
///
/// # Errors
/// When there is no answer within 30 s, or its body has more than 64 KiB.
pub async fn send(request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
    let uri = request.uri().clone();
    let answer = timeout(DEADLINE, exchange(request)).await;
    answer
        .with_context(|| format!("no answer from {uri} within {DEADLINE:?}"))?
        .with_context(|| format!("no answer from {uri}"))
}

async fn exchange(mut request: Request<Full<Bytes>>) -> anyhow::Result<(u16, Bytes)> {
    let authority = authority(request.uri())?;
    let stream = TcpStream::connect(&authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    request.headers_mut().insert(HOST, authority.parse()?);
    *request.uri_mut() = request.uri().path().parse()?;
    let answer = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BOUND).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the body cannot be read: {error}"))?;
        anyhow::Ok((status, body.to_bytes()))
    };
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(error.into()),
    }
}
