//! A browser, as far as the tests need one: requests to a worker and to S3, over a connection each.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::TcpStream;

/// An origin whose pages may upload.
pub const PAGE: &str = "https://chat.example";
const FORM: &str = "a-boundary-that-no-file-holds";

/// One answer.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn read<T: DeserializeOwned>(&self) -> T {
        let text = String::from_utf8_lossy(&self.body);
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The code of a failure, which has a message as well.
    pub fn code(&self) -> String {
        let body: Value = self.read();
        assert_eq!(body["status"], "error", "{body}");
        assert!(body["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Sends a request to the host of its URI.
pub async fn fetch(request: Request<Bytes>) -> Answer {
    let (mut head, body) = request.into_parts();
    let host = head.uri.authority().unwrap().to_string();
    head.headers.insert(header::HOST, host.parse().unwrap());
    head.uri = Uri::try_from(head.uri.path()).unwrap();
    let stream = TokioIo::new(TcpStream::connect(&host).await.unwrap());
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::from_parts(head, Full::<Bytes>::new(body));
    let response = sender.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    drop(sender);
    // S3 may hang up on what it does not want to read.
    let _ = connection.await.unwrap();
    Answer { status: head.status, headers: head.headers, body }
}

pub async fn get(url: &str) -> Answer {
    fetch(Request::get(url).body(Bytes::new()).unwrap()).await
}

/// What a browser's form sends; answers the status of S3.
pub async fn send(url: &str, fields: &BTreeMap<String, String>, bytes: &[u8]) -> StatusCode {
    let mut form = Vec::new();
    for (name, value) in fields {
        let part = format!(
            "--{FORM}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        form.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--{FORM}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"blob\"\r\ncontent-type: application/octet-stream\r\n\r\n"
    );
    form.extend_from_slice(part.as_bytes());
    form.extend_from_slice(bytes);
    form.extend_from_slice(format!("\r\n--{FORM}--\r\n").as_bytes());
    let request = Request::post(url)
        .header(header::ORIGIN, PAGE)
        .header(header::CONTENT_TYPE, format!("multipart/form-data; boundary={FORM}"))
        .body(form.into())
        .unwrap();
    let answer = fetch(request).await;
    assert!(lets_the_page(&answer), "{:?}", answer.headers);
    answer.status
}

/// Whether the page may read the answer.
pub fn lets_the_page(answer: &Answer) -> bool {
    let granted = answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    granted.is_some_and(|granted| granted == "*" || granted == PAGE)
}
