//! One fetch of an issuer's key set, within bounds: of time, of size, of where it may go.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use http::{Request, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

/// How long a fetch may take, from the name's resolution to the last byte.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document that is read.
const MAX_DOCUMENT: usize = 256 * 1024;

/// Where a key set is: https, or http to this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct JwksUrl(Uri);

impl JwksUrl {
    fn is_https(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }
}

impl FromStr for JwksUrl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "expected a URL such as https://id.example/.well-known/jwks.json";
        let uri: Uri = text.parse().map_err(|error| format!("no URL ({error}); {expected}"))?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or(expected)?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(format!("a user or password does not belong there; {expected}"));
        }
        match uri.scheme_str() {
            Some("https") => Ok(Self(uri)),
            Some("http") if is_loopback(host) => Ok(Self(uri)),
            Some("http") => Err(format!(
                "over http anybody on the way could hand out keys of their own; {expected}"
            )),
            _ => Err(expected.to_owned()),
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Without its query, which may hold what is not for logs.
impl fmt::Display for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}{}", self.0.scheme_str().unwrap_or_default(), self.0.path())
    }
}

impl fmt::Debug for JwksUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Fetches from one URL. It follows no redirection: the document is where the operator says.
pub(super) struct Fetcher {
    url: JwksUrl,
    client: Transport,
}

enum Transport {
    Plain(Client<HttpConnector, Empty<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

impl Fetcher {
    /// # Errors
    /// Where https is asked for and the machine has no certificates of authorities.
    pub(super) fn new(url: JwksUrl) -> anyhow::Result<Self> {
        // A fetch is minutes after the last: a connection that is kept would be a dead one.
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_max_idle_per_host(0);
        let client = if url.is_https() {
            let provider = rustls::crypto::aws_lc_rs::default_provider();
            let connector = HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(provider)
                .context("this machine has no certificates of authorities (ca-certificates)")?
                .https_only()
                .enable_http1()
                .build();
            Transport::Tls(builder.build(connector))
        } else {
            Transport::Plain(builder.build_http())
        };
        Ok(Self { url, client })
    }

    /// The document.
    ///
    /// # Errors
    /// When it does not come in time, is too large, or something else comes.
    pub(super) async fn fetch(&self) -> anyhow::Result<Bytes> {
        tokio::time::timeout(TIMEOUT, self.ask())
            .await
            .unwrap_or_else(|_| bail!("no answer within {} s", TIMEOUT.as_secs()))
    }

    async fn ask(&self) -> anyhow::Result<Bytes> {
        let request = Request::get(self.url.0.clone())
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .header(header::USER_AGENT, "starling")
            .body(Empty::new())?;
        let response = match &self.client {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        };
        let response = response.context("cannot ask")?;
        let status = response.status();
        ensure!(status == StatusCode::OK, "the answer is {status}, expected 200");
        let body = Limited::new(response.into_body(), MAX_DOCUMENT).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error)).with_context(|| {
            format!("the answer does not come whole, or has more than {MAX_DOCUMENT} bytes")
        })?;
        Ok(body.to_bytes())
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, http::Response, routing::get};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn https_is_needed_but_to_this_machine() {
        for good in [
            "https://id.example/.well-known/jwks.json",
            "https://id.example:8443/keys?tenant=1",
            "http://127.0.0.1:9/keys",
            "http://127.1.2.3/",
            "http://[::1]:9/keys",
            "http://localhost/keys",
        ] {
            assert!(good.parse::<JwksUrl>().is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("http://id.example/keys", "anybody on the way"),
            ("http://localhost.example/keys", "anybody on the way"),
            ("http://10.0.0.1/keys", "anybody on the way"),
            ("http://127.0.0.1@id.example/keys", "a user or password"),
            ("https://me:pw@id.example/keys", "a user or password"),
            ("ftp://id.example/keys", "expected a URL"),
            ("file:///etc/passwd", "expected a URL"),
            ("/keys", "expected a URL"),
            ("id.example", "expected a URL"),
            ("", "expected a URL"),
        ] {
            let refusal = bad.parse::<JwksUrl>().unwrap_err();
            assert!(refusal.contains(expected), "{bad}: {refusal}");
        }
        let url: JwksUrl = "https://id.example/keys?key=hush".parse().unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://id.example/keys https://id.example/keys");
    }

    #[tokio::test]
    async fn only_a_whole_document_in_bounds_is_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let moved = async || Response::builder().status(302).header("location", "/good");
        let router = Router::new()
            .route("/good", get(async || "{}"))
            .route("/large", get(async || "x".repeat(MAX_DOCUMENT + 1)))
            .route("/moved", get(async move || moved().await.body(Body::empty()).unwrap()));
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        let fetch = async |path: &str| {
            let url = format!("http://{address}/{path}").parse().unwrap();
            Fetcher::new(url).unwrap().fetch().await
        };
        assert_eq!(fetch("good").await.unwrap(), "{}");
        for (path, expected) in [("large", "262144 bytes"), ("moved", "302"), ("none", "404")] {
            let error = fetch(path).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{path}: {error}");
        }
        server.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn an_issuer_that_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let fetcher = Fetcher::new(url).unwrap();
        let (outcome, _held) = tokio::join!(fetcher.fetch(), listener.accept());
        assert!(outcome.unwrap_err().to_string().contains("within 5 s"));
    }

    #[test]
    fn https_finds_the_machines_authorities() {
        let url = "https://id.example/keys".parse().unwrap();
        if let Err(error) = Fetcher::new(url) {
            assert!(error.to_string().contains("ca-certificates"), "{error:#}");
        }
    }
}
