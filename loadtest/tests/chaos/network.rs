//! The network that can be cut, with plain TCP: cut it loses nothing and tells nobody, healed it delivers.

use std::{net::SocketAddr, time::Duration};

use loadtest::chaos::network::Link;
use local_stack::port;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// Long enough for loopback many times over: what has not come by then is not coming.
const SILENCE: Duration = Duration::from_millis(200);
const DEADLINE: Duration = Duration::from_secs(10);

async fn linked() -> (Link, TcpListener) {
    let target = port::listen_anywhere().await.unwrap();
    let link = Link::start(target.local_addr().unwrap()).await.unwrap();
    (link, target)
}

async fn both_ends(link: &Link, target: &TcpListener) -> (TcpStream, TcpStream) {
    let client = TcpStream::connect(link.address()).await.unwrap();
    let (server, _) = target.accept().await.unwrap();
    (client, server)
}

async fn receive(stream: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    timeout(DEADLINE, stream.read_exact(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(bytes, expected);
}

async fn silent(stream: &mut TcpStream) -> bool {
    timeout(SILENCE, stream.read_u8()).await.is_err()
}

#[tokio::test]
async fn what_is_sent_while_it_is_cut_comes_when_it_heals() {
    let _alone = crate::ALONE.lock().await;
    let (link, target) = linked().await;
    let (mut client, mut server) = both_ends(&link, &target).await;
    client.write_all(b"there").await.unwrap();
    receive(&mut server, b"there").await;
    server.write_all(b"back").await.unwrap();
    receive(&mut client, b"back").await;

    link.cut();
    client.write_all(b"held").await.unwrap();
    server.write_all(b"too").await.unwrap();
    assert!(silent(&mut server).await && silent(&mut client).await);
    client.shutdown().await.unwrap();
    assert!(silent(&mut server).await, "an end does not pass a cut network either");

    link.heal();
    receive(&mut server, b"held").await;
    receive(&mut client, b"too").await;
    assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
    server.write_all(b"the other half is open").await.unwrap();
    receive(&mut client, b"the other half is open").await;
}

#[tokio::test]
async fn new_connections_hang_while_it_is_cut() {
    let _alone = crate::ALONE.lock().await;
    let (link, target) = linked().await;
    link.cut();
    let mut client = TcpStream::connect(link.address()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    assert!(timeout(SILENCE, target.accept()).await.is_err());
    assert!(silent(&mut client).await);
    link.heal();
    let (mut server, _) = timeout(DEADLINE, target.accept()).await.unwrap().unwrap();
    receive(&mut server, b"hello").await;
}

#[tokio::test]
async fn more_than_the_buffers_hold_arrives_whole_after_a_cut() {
    const SIZE: usize = 32 << 20;
    let _alone = crate::ALONE.lock().await;
    let (link, target) = linked().await;
    let (mut client, mut server) = both_ends(&link, &target).await;
    link.cut();
    let sending = tokio::spawn(async move {
        let bytes: Vec<u8> = (0..SIZE).map(|at| at.to_le_bytes()[1]).collect();
        client.write_all(&bytes).await.unwrap();
        client.shutdown().await.unwrap();
        bytes
    });
    assert!(silent(&mut server).await && !sending.is_finished(), "the sender feels the cut");
    link.heal();
    let mut received = Vec::new();
    timeout(DEADLINE, server.read_to_end(&mut received)).await.unwrap().unwrap();
    assert!(received == sending.await.unwrap());
}

#[tokio::test]
async fn a_reset_closes_both_ends_and_new_connections_work() {
    let _alone = crate::ALONE.lock().await;
    let (link, target) = linked().await;
    let (mut client, mut server) = both_ends(&link, &target).await;
    link.cut();
    link.reset();
    for end in [&mut client, &mut server] {
        let read = timeout(DEADLINE, end.read_u8()).await.unwrap();
        assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    }
    link.heal();
    let (mut client, mut server) = both_ends(&link, &target).await;
    client.write_all(b"again").await.unwrap();
    receive(&mut server, b"again").await;
}

#[tokio::test]
async fn a_target_that_is_away_closes_the_connection() {
    let _alone = crate::ALONE.lock().await;
    let address: SocketAddr = port::listen_anywhere().await.unwrap().local_addr().unwrap();
    let link = Link::start(address).await.unwrap();
    let mut client = TcpStream::connect(link.address()).await.unwrap();
    assert!(timeout(DEADLINE, client.read_u8()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_dropped_link_closes_everything() {
    let _alone = crate::ALONE.lock().await;
    let (link, target) = linked().await;
    let (mut client, mut server) = both_ends(&link, &target).await;
    drop(link);
    assert!(timeout(DEADLINE, client.read_u8()).await.unwrap().is_err());
    assert!(timeout(DEADLINE, server.read_u8()).await.unwrap().is_err());
}
