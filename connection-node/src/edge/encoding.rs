//! Answers to polls, compressed as their client accepts it.
//!
//! It leaves alone what is short, as Engine.IO does, and what is counted for a client: those are the bytes
//! that the packets have.

use std::{convert::Infallible, future::ready, mem::take};

use axum::{body::Body, response::Response};
use http::{HeaderMap, Request, header::ACCEPT_ENCODING};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::{
    CompressionLevel,
    compression::{CompressionLayer, predicate::SizeAbove},
};

/// Bytes of a body below which it goes as it is: Engine.IO's `httpCompression.threshold`.
const LEAST: u64 = 1_024;

/// Level 1 gives up half of what can be won from a text of this size.
const LEVEL: CompressionLevel = CompressionLevel::Precise(2);

/// The answer as one who asks with these headers accepts it.
pub(super) async fn encoded(headers: &HeaderMap, mut answer: Response) -> Response {
    let mut asked = Request::new(());
    for accepted in headers.get_all(ACCEPT_ENCODING) {
        asked.headers_mut().append(ACCEPT_ENCODING, accepted.clone());
    }
    let layer = CompressionLayer::new().quality(LEVEL).compress_when(SizeAbove::new(LEAST));
    // It asks once.
    let give = service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(take(&mut answer))));
    let Ok(answer) = layer.layer(give).oneshot(asked).await;
    answer.map(Body::new)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{GzDecoder, ZlibDecoder};
    use http::HeaderValue;
    use http_body_util::BodyExt;

    use super::*;

    async fn answer(accepted: Option<&'static str>, text: &'static str) -> Response {
        let accepted = accepted.map(|it| (ACCEPT_ENCODING, HeaderValue::from_static(it)));
        let headers = HeaderMap::from_iter(accepted);
        encoded(&headers, Response::new(Body::from(text))).await
    }

    fn read(mut from: impl Read) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    }

    #[tokio::test]
    async fn a_long_answer_is_compressed_as_its_client_accepts_it() {
        let long: &str = "42[\"chat-message\",{\"content\":\"hello\"}]\u{1e}".repeat(50).leak();
        let table = [
            (Some("gzip, deflate, br"), Some("gzip")),
            (Some("deflate"), Some("deflate")),
            (Some("gzip;q=0, deflate"), Some("deflate")),
            (Some("br, zstd"), None),
            (Some("identity"), None),
            (None, None),
        ];
        for (accepted, encoding) in table {
            let answer = answer(accepted, long).await;
            let header = |name: &str| answer.headers().get(name).and_then(|it| it.to_str().ok());
            assert_eq!(header("content-encoding"), encoding, "{accepted:?}");
            assert_eq!(header("vary"), Some("accept-encoding"), "{accepted:?}");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            let text = match encoding {
                Some("gzip") => read(GzDecoder::new(&*body)),
                Some(_) => read(ZlibDecoder::new(&*body)),
                None => read(&*body),
            };
            assert_eq!(text, long);
            assert!(encoding.is_none() || body.len() < long.len() / 5, "{} bytes", body.len());
        }
    }

    #[tokio::test]
    async fn a_short_answer_goes_as_it_is() {
        let answer = answer(Some("gzip"), "2").await;
        assert_eq!(answer.headers().get("content-encoding"), None);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "2");
    }
}
