//! The whole stack: every service is ready, can be stopped, killed and started again, and nothing is left behind.

use std::net::SocketAddr;

use local_stack::port;
use local_stack::stack::Stack;
use local_stack::stack_options::StackOptions;
use service_shell::BadConfiguration;
use tokio::net::TcpStream;

use crate::process::exists;

async fn listens(url: &str) -> bool {
    TcpStream::connect(url.strip_prefix("http://").unwrap()).await.is_ok()
}

async fn refusal(options: StackOptions) -> String {
    let error = Stack::start(options).await.unwrap_err();
    error.downcast_ref::<BadConfiguration>().expect("bad configuration").to_string()
}

#[tokio::test]
async fn two_stacks_run_in_parallel_and_leave_nothing_behind() {
    let (one, other) = tokio::try_join!(
        Stack::start(StackOptions::default()),
        Stack::start(StackOptions::default())
    )
    .unwrap();
    assert_ne!(one.nats_url(), other.nats_url());
    assert_ne!(one.data(), other.data());
    for (mut stack, asked) in [(one, true), (other, false)] {
        let urls = [stack.node_url(0), stack.node_url(1), stack.worker_url(0), stack.media_url()];
        for url in &urls {
            assert!(listens(url).await, "{url}");
        }
        let (data, pid) = (stack.data().to_owned(), stack.nats_process().unwrap().pid().unwrap());
        if asked {
            stack.stop().await.unwrap();
        } else {
            drop(stack);
        }
        assert!(!exists(pid), "nats-server {pid} is still there");
        assert!(!data.exists(), "{} is still there", data.display());
        for url in &urls {
            assert!(!listens(url).await, "{url} still answers");
        }
    }
}

#[tokio::test]
async fn services_come_back_where_they_were() {
    let mut stack = Stack::start(StackOptions::default()).await.unwrap();
    let (node, worker) = (stack.node_url(1), stack.worker_url(0));
    stack.stop_node(1).await.unwrap();
    assert!(!listens(&node).await);
    stack.start_node(1).await.unwrap();
    stack.kill_node(1).await;
    assert!(!listens(&node).await);
    stack.start_node(1).await.unwrap();
    assert!(listens(&node).await);
    assert_eq!(stack.node_url(1), node);

    stack.stop_worker(0).await.unwrap();
    stack.start_worker(0).await.unwrap();
    stack.kill_worker(0).await;
    assert!(!listens(&worker).await);
    stack.start_worker(0).await.unwrap();
    assert!(listens(&worker).await);
    let again = stack.start_worker(0).await.unwrap_err().to_string();
    assert_eq!(again, "fan-out worker 1 runs already");
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn nats_comes_back_where_it_was() {
    let mut stack = Stack::start(StackOptions::default()).await.unwrap();
    let url = stack.nats_url();
    stack.kill_nats().unwrap();
    stack.restart_nats().await.unwrap();
    assert_eq!(stack.nats_url(), url);
    stack.ready().await.unwrap();
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_told() {
    let mut stack = Stack::start(StackOptions::default()).await.unwrap();
    let pid = stack.nats_process().unwrap().pid().unwrap();
    crate::process::send("KILL", pid);
    let sentence = stack.failed().await.to_string();
    assert!(sentence.starts_with("nats-server ended with signal: 9"), "{sentence}");
}

#[tokio::test]
async fn the_secret_and_the_messages_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        || StackOptions { data: Some(folder.path().to_owned()), ..StackOptions::default() };
    let first = Stack::start(options()).await.unwrap();
    let secret = first.jwt_secret().to_owned();
    let jetstream =
        async_nats::jetstream::new(async_nats::connect(first.nats_url()).await.unwrap());
    jetstream.publish("rt.1.m.stored", "kept".into()).await.unwrap().await.unwrap();
    first.stop().await.unwrap();

    let second = Stack::start(options()).await.unwrap();
    assert_eq!(second.jwt_secret(), secret);
    let jetstream =
        async_nats::jetstream::new(async_nats::connect(second.nats_url()).await.unwrap());
    let stream = jetstream.get_stream(wire::stream::ROOMS).await.unwrap();
    let message = stream.get_last_raw_message_by_subject("rt.1.m.stored").await.unwrap();
    assert_eq!(message.payload, "kept");
    second.stop().await.unwrap();
    assert!(folder.path().join("nats").is_dir(), "kept data are left in place");
}

#[tokio::test]
async fn a_running_nats_is_used_and_left_alone() {
    let mut nats = local_stack::nats_process::NatsProcess::start_temp().await.unwrap();
    let options = StackOptions { nats_url: Some(nats.url()), ..StackOptions::default() };
    let mut stack = Stack::start(options).await.unwrap();
    assert_eq!(stack.nats_url(), nats.url());
    assert!(stack.kill_nats().is_err() && stack.restart_nats().await.is_err());
    stack.stop().await.unwrap();
    assert!(nats.exited().is_none());
}

#[tokio::test]
async fn what_cannot_be_is_said_before_anything_starts() {
    let held = port::listen_anywhere().await.unwrap();
    let SocketAddr::V4(address) = held.local_addr().unwrap() else { panic!("not IPv4") };
    let taken = address.port();
    let sentence =
        refusal(StackOptions { base_port: Some(taken), ..StackOptions::default() }).await;
    assert!(
        sentence.starts_with(&format!("port {taken}, wanted for connection node 1,")),
        "{sentence}"
    );
    let sentence =
        refusal(StackOptions { base_port: Some(taken - 100), nodes: 1, ..StackOptions::default() })
            .await;
    assert!(
        sentence.starts_with(&format!("port {taken}, wanted for the media worker,")),
        "{sentence}"
    );
    let sentence =
        refusal(StackOptions { base_port: Some(65_535), ..StackOptions::default() }).await;
    assert!(
        sentence.starts_with("port 65536, wanted for connection node 2, is beyond 65535"),
        "{sentence}"
    );
    let sentence =
        refusal(StackOptions { base_port: Some(20_000), nodes: 101, ..StackOptions::default() })
            .await;
    assert!(sentence.starts_with("at most 100 nodes"), "{sentence}");
    let sentence =
        refusal(StackOptions { public: "/nowhere".into(), ..StackOptions::default() }).await;
    assert!(sentence.starts_with("there is no folder /nowhere"), "{sentence}");
    let nats_url = Some("nats://127.0.0.1:1".to_owned());
    let sentence = refusal(StackOptions { nats_url, ..StackOptions::default() }).await;
    assert!(
        sentence.starts_with("the NATS server at nats://127.0.0.1:1 cannot be reached"),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_data_folder_serves_one_stack_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let options =
        || StackOptions { data: Some(folder.path().to_owned()), ..StackOptions::default() };
    let first = Stack::start(options()).await.unwrap();
    let sentence = refusal(options()).await;
    assert!(sentence.contains("is in use by another stack"), "{sentence}");
    first.stop().await.unwrap();
}
