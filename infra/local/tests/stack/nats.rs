//! A nats-server process: it starts, stops, is killed and restarted with its data, and leaves nothing behind.

use async_nats::jetstream;
use local_stack::data_folder::DataFolder;
use local_stack::nats_process::{NatsOptions, NatsProcess};
use local_stack::provision::{ProvisionOptions, provision};
use service_shell::BadConfiguration;

use crate::process::{exists, send};

async fn publish(url: &str, content: &str) -> u64 {
    let client = async_nats::connect(url).await.unwrap();
    let log = jetstream::new(client);
    let ack = log.publish("rt.1.m.general", content.to_owned().into()).await.unwrap();
    ack.await.unwrap().sequence
}

async fn stored(url: &str) -> u64 {
    let client = async_nats::connect(url).await.unwrap();
    let stream = jetstream::new(client).get_stream(wire::stream::ROOMS).await.unwrap();
    stream.cached_info().state.messages
}

async fn started_and_provisioned() -> NatsProcess {
    let server = NatsProcess::start_temp().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    server
}

#[tokio::test]
async fn data_survive_a_stop_and_a_kill_on_the_same_port() {
    let mut server = started_and_provisioned().await;
    let url = server.url();
    assert_eq!(publish(&url, "one").await, 1);

    server.stop().await.unwrap();
    assert_eq!(server.pid(), None);
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", server.port())).await.is_err());
    server.restart().await.unwrap();
    assert_eq!(server.url(), url);
    assert_eq!(stored(&url).await, 1);

    assert_eq!(publish(&url, "two").await, 2);
    server.kill().unwrap();
    server.restart().await.unwrap();
    assert_eq!(stored(&url).await, 2);
}

#[tokio::test]
async fn a_dropped_server_leaves_neither_process_nor_folder() {
    let data = DataFolder::temporary().unwrap();
    let folder = data.path().to_owned();
    let server = NatsProcess::start(NatsOptions { data, port: None }).await.unwrap();
    let pid = server.pid().unwrap();
    assert!(exists(pid) && folder.exists());
    drop(server);
    assert!(!exists(pid), "the process {pid} is still there");
    assert!(!folder.exists(), "{} is still there", folder.display());
}

#[tokio::test]
async fn a_server_that_ends_by_itself_is_noticed() {
    let mut server = NatsProcess::start_temp().await.unwrap();
    assert!(server.exited().is_none());
    send("KILL", server.pid().unwrap());
    while server.exited().is_none() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = NatsProcess::start_temp().await.unwrap();
    let options = NatsOptions { data: DataFolder::temporary().unwrap(), port: Some(first.port()) };
    let error = NatsProcess::start(options).await.unwrap_err();
    let sentence = error.downcast_ref::<BadConfiguration>().unwrap().to_string();
    assert!(sentence.contains(&format!("port {}", first.port())), "{sentence}");
    assert_eq!(first.pid().map(exists), Some(true), "the first server is undisturbed");
}
