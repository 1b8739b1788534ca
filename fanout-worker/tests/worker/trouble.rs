//! A NATS that is not ready, goes away, or is not there at all.

use std::time::{Duration, Instant};

use fanout_worker::Config;
use local_stack::nats_process::NatsProcess;
use local_stack::provision::{ProvisionOptions, provision};
use service_shell::BadConfiguration;

use crate::node::Node;
use crate::stage::{Stage, Traffic, Worker};
use crate::{body, room, room_of_each_partition};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_heals_by_itself_and_nothing_is_lost() {
    let mut stage = Stage::set().await;
    let worker = stage.worker("one");
    stage.wait_owner_of_all("one").await;
    let node = Node::start(&stage.client, "node-1").await;
    let quiet = room("quiet");
    node.join(&quiet).await;
    let rooms = room_of_each_partition();
    let mut traffic = Traffic::start(&stage, &node, &rooms).await;
    for gentle in [true, false] {
        if !gentle {
            stage.server.kill().unwrap();
        }
        let gone = Instant::now();
        stage.server.restart().await.unwrap();
        traffic.wait_more(&node, rooms.len() * 3).await;
        println!("deliveries went on {:?} after a restart", gone.elapsed());
    }
    // A partition that was idle all the time works too.
    stage.publish(&quiet, &body(1)).await;
    node.wait("the quiet room", |seen| seen.rooms[&quiet].emitted.len() == 1).await;
    traffic.stop_and_check(&node).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_missing_are_waited_for() {
    let server = NatsProcess::start_temp().await.unwrap();
    let worker = Worker::start(Config::local(&server.url()));
    worker.wait_status("/healthz", 200).await;
    worker.wait_status("/readyz", 503).await;
    let client = async_nats::connect(server.url()).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    worker.wait_ready().await;
    let started = Instant::now();
    worker.stop().await.unwrap();
    println!("stopped after {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_whose_server_is_gone_still_stops() {
    let mut stage = Stage::set().await;
    let worker = stage.worker("one");
    stage.wait_owner_of_all("one").await;
    worker.wait_ready().await;
    stage.server.kill().unwrap();
    worker.wait_status("/readyz", 503).await;
    let asked = Instant::now();
    worker.stop().await.unwrap();
    assert!(asked.elapsed() < Duration::from_secs(30), "it hangs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_never_was_there_is_bad_configuration() {
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let worker = Worker::start(Config::local(&format!("nats://{nowhere}")));
    worker.wait_status("/readyz", 503).await;
    let error = worker.ended().await.unwrap_err();
    assert!(error.is::<BadConfiguration>(), "{error:#}");
}
