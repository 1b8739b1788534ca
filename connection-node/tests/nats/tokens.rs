//! A node whose tokens are signed by somebody else: it follows that issuer's keys.

use std::{
    future::IntoFuture as _,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, routing::get};
use connection_node::Config;
use futures_util::{SinkExt as _, StreamExt as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use local_stack::{
    nats_process::NatsProcess,
    port,
    provision::{ProvisionOptions, provision},
};
use serde_json::{Value, json};
use service_shell::token::{Algorithm as Accepted, TokenArgs};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_tungstenite::{client_async, tungstenite::Message};
use tokio_util::sync::CancellationToken;
use wire::{Timestamp, error::INVALID_TOKEN};

/// Until what is waited for must have happened.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whoever signs tokens, with a key set at an address of its own.
struct Issuer {
    address: SocketAddr,
    keys: Arc<Mutex<Vec<Value>>>,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

/// The key pair of that number: an Ed25519 seed in PKCS #8.
fn key(number: u8) -> EncodingKey {
    let prefix = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
    EncodingKey::from_ed_der(&[&prefix[..], &[number; 32]].concat())
}

fn token(number: u8) -> String {
    let header = Header { kid: Some(format!("key-{number}")), ..Header::new(Algorithm::EdDSA) };
    let exp = Timestamp::now().as_millis() / 1_000 + 600;
    jsonwebtoken::encode(&header, &json!({ "sub": "u", "exp": exp }), &key(number)).unwrap()
}

impl Issuer {
    /// One that does not answer yet.
    async fn new() -> Self {
        let address = port::listen_anywhere().await.unwrap().local_addr().unwrap();
        Self { address, keys: Arc::default(), server: None }
    }

    fn publish(&self, numbers: &[u8]) {
        let jwk = |number: &u8| {
            let jwk = Jwk::from_encoding_key(&key(*number), Algorithm::EdDSA).unwrap();
            let mut jwk = serde_json::to_value(jwk).unwrap();
            jwk["kid"] = json!(format!("key-{number}"));
            jwk["use"] = json!("sig");
            jwk
        };
        *self.keys.lock().unwrap() = numbers.iter().map(jwk).collect();
    }

    async fn come_up(&mut self) {
        let listener = port::listen(self.address, "the issuer").await.unwrap();
        let keys = self.keys.clone();
        let document = async move || Json(json!({ "keys": *keys.lock().unwrap() }));
        let router = Router::new().route("/jwks", get(document));
        self.server = Some(tokio::spawn(axum::serve(listener, router).into_future()));
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

/// The status and body of a node's page.
async fn page(node: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(node).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Waits until `/readyz` answers so.
async fn readiness(node: SocketAddr, status: &str, words: &str) {
    let asking = async {
        loop {
            let answer = page(node, "/readyz").await;
            if answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(words) {
                return;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, asking).await.unwrap();
}

/// Connects with a token; the answer to it, or `None` where the connection is closed instead.
async fn connect(node: SocketAddr, token: &str) -> Option<String> {
    let url = format!("ws://{node}/socket.io/?EIO=4&transport=websocket");
    let stream = TcpStream::connect(node).await.unwrap();
    let (mut socket, _) = client_async(url, stream).await.unwrap();
    let hello = json!({ "token": token });
    socket.send(Message::text(format!("40{hello}"))).await.unwrap();
    let answer = async {
        while let Some(Ok(message)) = socket.next().await {
            let text = message.to_text().unwrap_or_default();
            if text.starts_with("40") || text.starts_with("44") {
                return Some(text.to_owned());
            }
        }
        None
    };
    timeout(PATIENCE, answer).await.unwrap()
}

#[tokio::test]
async fn a_node_follows_the_keys_of_its_issuer() {
    let nats = NatsProcess::start_temp().await.unwrap();
    let client = async_nats::connect(nats.url()).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    let mut issuer = Issuer::new().await;
    let tokens = TokenArgs {
        jwt_secret: None,
        jwt_jwks_url: format!("http://{}/jwks", issuer.address).parse().ok(),
        jwt_algorithm: vec![Accepted::EdDsa],
        ..TokenArgs::local()
    };
    let config = Config {
        tokens,
        dev_tokens: false,
        allowed_origins: Vec::new(),
        ..Config::local(&nats.url())
    };
    let listener = port::listen_anywhere().await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let node = tokio::spawn(connection_node::run(config, listener, shutdown.clone()));

    // Without keys it is alive and unready, and says why; a client is told to come again.
    readiness(address, "503", "no keys to check tokens with: the key set at http://127.0.0.1")
        .await;
    assert!(page(address, "/healthz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(connect(address, &token(1)).await, None);

    issuer.publish(&[1]);
    issuer.come_up().await;
    readiness(address, "200", "ready").await;
    assert!(connect(address, &token(1)).await.unwrap().starts_with("40{"));

    // A new key, which nobody has told the node of.
    issuer.publish(&[1, 2]);
    assert!(connect(address, &token(2)).await.unwrap().starts_with("40{"));
    assert!(connect(address, &token(3)).await.unwrap().contains(INVALID_TOKEN));

    // The old one is dropped when the set is fetched again, which an unknown key brings about.
    issuer.publish(&[2]);
    assert!(connect(address, &token(4)).await.unwrap().contains(INVALID_TOKEN));
    assert!(connect(address, &token(1)).await.unwrap().contains(INVALID_TOKEN));
    assert!(connect(address, &token(2)).await.unwrap().starts_with("40{"));

    let metrics = page(address, "/metrics").await;
    for line in [
        "starling_connects_total{result=\"unavailable\"} 1\n",
        "starling_connects_total{result=\"accepted\"} 3\n",
        "starling_connects_total{result=\"unauthenticated\"} 3\n",
        // What has not happened yet is there as well, for the step from nothing is one.
        "starling_connects_total{result=\"banned\"} 0\n",
        "starling_handshake_refusals_total{reason=\"origin\"} 0\n",
        "starling_rate_limited_total{what=\"event\",per=\"user\"} 0\n",
        "starling_transport_closes_total{reason=\"slow_consumer\"} 0\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    shutdown.cancel();
    node.await.unwrap().unwrap();
}

#[tokio::test]
async fn settings_that_cannot_be_are_told_before_anything_starts() {
    let none = TokenArgs { jwt_secret: None, ..TokenArgs::local() };
    let weak = TokenArgs::of_secret("changeme-changeme-changeme-changeme".parse().unwrap());
    let jwks = TokenArgs {
        jwt_jwks_url: "https://id.example/jwks".parse().ok(),
        jwt_algorithm: vec![Accepted::Rs256],
        ..none.clone()
    };
    for (tokens, expected) in [
        (none, "set one of JWT_SECRET, JWT_PUBLIC_KEY_FILE and JWT_JWKS_URL"),
        (weak, "JWT_SECRET cannot be used"),
        (jwks, "DEV_TOKENS signs tokens with JWT_SECRET"),
    ] {
        let dev_tokens = tokens.jwt_secret.is_none() && tokens.jwt_jwks_url.is_some();
        let local = Config::local("nats://127.0.0.1:1");
        let config = Config { tokens, dev_tokens, allowed_origins: Vec::new(), ..local };
        let listener = port::listen_anywhere().await.unwrap();
        let ended = connection_node::run(config, listener, CancellationToken::new()).await;
        let error = ended.unwrap_err();
        assert!(error.is::<service_shell::BadConfiguration>(), "{error:#}");
        assert!(error.to_string().contains(expected), "{error:#}");
    }
}
