//! Waits until a service answers `/readyz` with 200.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

/// Between two questions.
const POLL: Duration = Duration::from_millis(20);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How much of an answer's body is read, in bytes.
const BODY_BOUND: usize = 4096;

/// Asks `name` at `address` until it is ready.
///
/// # Errors
/// When `within` has passed, with the service's last answer.
pub async fn wait(name: &str, address: SocketAddr, within: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + within;
    loop {
        let answer = timeout(ANSWER, ask(address)).await.context("no answer").flatten();
        let trouble = match answer {
            Ok((200, _)) => return Ok(()),
            Ok((status, body)) => format!("{status} {}", body.trim()),
            Err(error) => format!("{error:#}"),
        };
        if Instant::now() >= deadline {
            bail!("{name} at {address} is not ready after {within:?}: {trouble}");
        }
        sleep(POLL).await;
    }
}

/// The status and the body of `GET /readyz`.
async fn ask(address: SocketAddr) -> anyhow::Result<(u16, String)> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request =
        Request::get("/readyz").header(HOST, address.to_string()).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), BODY_BOUND).collect().await;
        let text = body.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned());
        anyhow::Ok((status, text.unwrap_or_default()))
    };
    tokio::select! {
        answer = exchange => answer,
        Err(error) = connection => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use crate::port;

    /// Answers each connection with the next of `answers`.
    async fn answering(answers: &'static [&'static str]) -> SocketAddr {
        let listener = port::listen_anywhere().await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let _ = stream.read(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn it_waits_for_200() {
        let address = answering(&[
            "garbage\r\n\r\n",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 7\r\n\r\nnot yet",
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nready",
        ])
        .await;
        wait("node 1", address, Duration::from_secs(10)).await.unwrap();
    }

    #[tokio::test]
    async fn the_error_names_the_service_and_its_answer() {
        let address =
            answering(&["HTTP/1.1 503 Service Unavailable\r\ncontent-length: 7\r\n\r\nno NATS"; 1])
                .await;
        let error = wait("node 1", address, Duration::ZERO).await.unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("node 1 at {address} is not ready after 0ns: 503 no NATS")),
            "{error}"
        );
    }
}
