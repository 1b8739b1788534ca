//! Streams and buckets on a real server: made once, kept as they are, changed where it is asked for.

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use futures_util::TryStreamExt as _;
use local_stack::nats_process::NatsProcess;
use local_stack::provision::{ProvisionOptions, provision};

async fn streams(client: &async_nats::Client) -> Vec<stream::Config> {
    let context = jetstream::new(client.clone());
    let infos: Vec<stream::Info> = context.streams().try_collect().await.unwrap();
    let mut configs: Vec<stream::Config> = infos.into_iter().map(|info| info.config).collect();
    configs.sort_by(|one, other| one.name.cmp(&other.name));
    configs
}

#[tokio::test]
async fn provisioning_again_changes_nothing() {
    let server = NatsProcess::start_temp().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    let first = streams(&client).await;
    let names: Vec<&str> = first.iter().map(|stream| stream.name.as_str()).collect();
    assert_eq!(names, ["KV_RT", "MEDIA", "MEDIA_DEAD", "OBJ_uploads", "ROOMS"]);
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    assert_eq!(streams(&client).await, first);
}

#[tokio::test]
async fn what_was_asked_for_stays_until_something_else_is() {
    let server = NatsProcess::start_temp().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    let age = Duration::from_hours(1);
    let asked = ProvisionOptions { room_cap: Some(5), max_age: Some(age), replicas: None };
    provision(&client, &asked).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    let rooms = streams(&client).await.pop().unwrap();
    assert_eq!((rooms.max_messages_per_subject, rooms.max_age), (5, age));
    provision(&client, &ProvisionOptions { room_cap: Some(6), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(streams(&client).await.pop().unwrap().max_messages_per_subject, 6);
}

#[tokio::test]
async fn buckets_work_as_the_client_library_expects() {
    let server = NatsProcess::start_temp().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    let context = jetstream::new(client);

    let bucket = context.get_key_value(wire::stream::RT_BUCKET).await.unwrap();
    bucket.put("ckpt.1", "7".into()).await.unwrap();
    assert_eq!(bucket.get("ckpt.1").await.unwrap().unwrap(), "7");

    let store = context.get_object_store(wire::stream::UPLOADS_BUCKET).await.unwrap();
    store.put("image", &mut &b"bytes"[..]).await.unwrap();
    let mut object = store.get("image").await.unwrap();
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut object, &mut bytes).await.unwrap();
    assert_eq!(bytes, b"bytes");
}

#[tokio::test]
async fn a_key_with_a_ttl_expires_and_leaves_a_marker_for_watchers() {
    let server = NatsProcess::start_temp().await.unwrap();
    let client = async_nats::connect(server.url()).await.unwrap();
    provision(&client, &ProvisionOptions::default()).await.unwrap();
    let bucket = jetstream::new(client).get_key_value(wire::stream::RT_BUCKET).await.unwrap();
    let mut watch = bucket.watch("lease.1").await.unwrap();
    bucket.create_with_ttl("lease.1", "worker".into(), Duration::from_secs(1)).await.unwrap();
    let taken = watch.try_next().await.unwrap().unwrap();
    assert_eq!(taken.value, "worker");
    let expired = watch.try_next().await.unwrap().unwrap();
    assert!(expired.value.is_empty() && expired.revision > taken.revision);
}
