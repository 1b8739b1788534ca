//! What answers tell browsers, and what they keep to themselves.

use axum::{Router, routing::get};
use connection_node::{
    edge::EdgeConfig,
    limits::{LimitSettings, network},
};

use crate::{
    client::{HANDSHAKE, http},
    node::{Node, config},
};

const POLLING: &str = "/socket.io/?EIO=4&transport=polling";
const WEBSOCKET: &str = "/socket.io/?EIO=4&transport=websocket";
const HSTS: &str = "strict-transport-security";
const FROM_THE_PAGE: (&str, &str) = ("Origin", "https://chat.example.com");
const FROM_ELSEWHERE: (&str, &str) = ("Origin", "https://evil.example");

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_socket_io_is_data_and_nothing_else() {
    let node = Node::start(config()).await;
    for (target, status) in [(POLLING, 200), ("/socket.io/?EIO=4&transport=no", 400)] {
        let reply = http(node.address, "GET", target, &[FROM_THE_PAGE], "").await;
        assert_eq!(reply.status, status);
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("access-control-allow-origin", "https://chat.example.com"),
            ("vary", "Origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name} of {target}");
        }
        for name in ["server", "set-cookie", "x-powered-by", HSTS] {
            assert_eq!(reply.header(name), None, "{name} of {target}");
        }
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_pages_origin_is_served_and_told_so() {
    let node = Node::start(config()).await;
    let upgrade = |origin| [&HANDSHAKE[..], &[origin]].concat();
    for (origin, polling, websocket) in [(FROM_THE_PAGE, 200, 101), (FROM_ELSEWHERE, 403, 403)] {
        let reply = http(node.address, "GET", POLLING, &[origin], "").await;
        assert_eq!(reply.status, polling, "{origin:?}");
        let reader = reply.header("access-control-allow-origin");
        assert_eq!(reader, (polling == 200).then_some(origin.1));
        let reply = http(node.address, "GET", WEBSOCKET, &upgrade(origin), "").await;
        assert_eq!(reply.status, websocket, "{origin:?}");
        let asked = [origin, ("Access-Control-Request-Headers", "content-type")];
        let reply = http(node.address, "OPTIONS", POLLING, &asked, "").await;
        let methods = reply.header("access-control-allow-methods");
        assert_eq!(methods, (polling == 200).then_some("GET, POST"));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_asked_for_where_it_stands_before_the_node() {
    let app = || Router::new().route("/page", get(async || "page"));
    let behind = LimitSettings {
        trusted_proxies: vec![network("127.0.0.1").unwrap()],
        ..LimitSettings::default()
    };
    let table = [
        (config(), "https", false),
        (EdgeConfig { limits: behind.clone(), ..config() }, "https", true),
        (EdgeConfig { limits: behind, ..config() }, "http", false),
        (EdgeConfig { tls_only: true, ..config() }, "http", true),
    ];
    for (config, scheme, asked) in table {
        let node = Node::start_with(config, app()).await;
        for target in [POLLING, "/page"] {
            let forwarded = [("X-Forwarded-Proto", scheme)];
            let reply = http(node.address, "GET", target, &forwarded, "").await;
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header(HSTS).is_some(), asked, "{scheme} {target}");
        }
        node.stop().await;
    }
}
