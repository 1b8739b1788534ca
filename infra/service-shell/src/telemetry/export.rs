//! The HTTP by which spans leave, on the process's own runtime.
//!
//! The exporter has a thread of its own without a runtime; requests are handed to the runtime that
//! started it.

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};

use super::EXPORT_WITHIN;

/// The largest answer that is read.
const MAX_ANSWER: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct HttpExport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: Handle,
}

impl HttpExport {
    /// # Errors
    /// Outside a runtime, or where the machine has no certificates of authorities.
    pub(super) fn new() -> anyhow::Result<Self> {
        let runtime = Handle::try_current().context("no runtime")?;
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::aws_lc_rs::default_provider())
            .context("this machine has no certificates of authorities (ca-certificates)")?
            .https_or_http()
            .enable_http1()
            .build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), runtime })
    }
}

#[async_trait]
impl HttpClient for HttpExport {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let asking = self.runtime.spawn(async move {
            // The exporter's own timeout ends nothing here.
            let asking = async {
                let response = client.request(request.map(Full::new)).await?;
                let (head, body) = response.into_parts();
                let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
                Ok::<_, HttpError>(Response::from_parts(head, body))
            };
            let asked = timeout(EXPORT_WITHIN, asking).await;
            asked.map_err(|_| format!("no answer within {EXPORT_WITHIN:?}"))?
        });
        asking.await?
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt as _, net::TcpListener, time::Instant};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_collector_that_does_not_end_its_answer_is_left() {
        let export = HttpExport::new().unwrap();
        for said in ["", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
            let collector = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(said.as_bytes()).await.unwrap();
                std::future::pending::<()>().await;
            });
            let started = Instant::now();
            let error = export.send_bytes(Request::post(url).body(Bytes::new()).unwrap()).await;
            assert!(error.unwrap_err().to_string().starts_with("no answer within"), "{said:?}");
            assert_eq!(started.elapsed().as_secs(), EXPORT_WITHIN.as_secs(), "{said:?}");
            collector.abort();
        }
    }
}
