//! Requests by their origin and target.

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;

use crate::{
    client::{HANDSHAKE, Polling, Socket, http},
    node::{Node, config},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_origin_is_refused_by_both_transports() {
    let mut node = Node::start(config()).await;
    let session = Polling::connect(node.address).await;
    node.see_connected().await;
    for origin in ["https://evil.example", "null", "http://chat.example.com"] {
        let evil = [("Origin", origin)];
        let open = "/socket.io/?EIO=4&transport=polling";
        let with_sid = session.target("polling");
        for (method, target) in
            [("GET", open), ("GET", &with_sid), ("POST", &with_sid), ("OPTIONS", open)]
        {
            let reply = http(node.address, method, target, &evil, "").await;
            assert_eq!((reply.status, reply.code()), (403, 4), "{method} {target} {origin}");
            assert_eq!(reply.header("access-control-allow-origin"), None);
        }
        let mut headers = HANDSHAKE.to_vec();
        headers.extend(evil);
        for target in ["/socket.io/?EIO=4&transport=websocket", &session.target("websocket")] {
            let reply = http(node.address, "GET", target, &headers, "").await;
            assert_eq!((reply.status, reply.code()), (403, 4), "{target} {origin}");
        }
    }
    session.echo("undisturbed").await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allowed_origin_connects_by_websocket() {
    let node = Node::start(config()).await;
    let target = "/socket.io/?EIO=4&transport=websocket";
    for (origin, admitted) in [("https://chat.example.com", true), ("https://evil.example", false)]
    {
        let stream = TcpStream::connect(node.address).await.unwrap();
        let opened = Socket::try_open(stream, target, &[("origin", origin)]).await;
        assert_eq!(opened.is_ok(), admitted, "{origin}");
        assert!(matches!(opened.err(), None | Some(Error::Http(_))));
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_socket_io_goes_to_the_application() {
    let node = Node::start(config()).await;
    let reply = http(node.address, "GET", "/whoami", &[], "").await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.starts_with("127.0.0.1:"), "{reply:?}");
    assert_eq!(reply.header("server"), None);
    for target in ["/", "/socket.io-admin", "/nothing"] {
        assert_eq!(http(node.address, "GET", target, &[], "").await.status, 404, "{target}");
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_requests_that_make_no_sense() {
    let node = Node::start(config()).await;
    let open = "/socket.io/?EIO=4&transport=polling";
    let cases = [
        ("POST", open.to_owned(), 2),
        ("DELETE", open.to_owned(), 2),
        ("GET", format!("{open}&sid=AAAAAAAAAAAAAAHs"), 1),
        ("POST", format!("{open}&sid=AAAAAAAAAAAAAAHs"), 1),
        ("PUT", format!("{open}&sid=AAAAAAAAAAAAAAHs"), 2),
        ("GET", format!("{open}&sid=%00"), 1),
        ("GET", "/socket.io/?EIO=3&transport=polling".to_owned(), 5),
        ("GET", "/socket.io/?transport=flash".to_owned(), 0),
        ("GET", "/socket.io/".to_owned(), 0),
    ];
    for (method, target, code) in cases {
        let reply = http(node.address, method, &target, &[], "").await;
        assert_eq!((reply.status, reply.code()), (400, code), "{method} {target}");
    }
    assert_eq!(node.edge.connections(), 0);
    node.stop().await;
}
