//! The whole system on a guarded server, each service in its own role: everything works, and the server
//! denies nothing.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::push::OrderedConfig;
use futures_util::{StreamExt as _, TryStreamExt as _};
use local_stack::stack::Stack;
use local_stack::stack_options::StackOptions;
use serde_json::{Value, json};
use service_shell::Link;
use wire::media::{DeadJob, FileFailed};
use wire::{MediaJob, NatsRole, NodeId, RoomName, User, event, stream, subject};

use crate::chat::Client;
use crate::nats_guarded::FORBIDDEN;

/// Longer than any failover.
const PATIENCE: Duration = Duration::from_secs(30);

/// A picture of 4 by 4 pixels.
const PICTURE: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x04, 0x08, 0x02, 0x00, 0x00, 0x00, 0x26, 0x93, 0x09,
    0x29, 0x00, 0x00, 0x00, 0x10, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x50, 0x68, 0x38, 0x00,
    0x47, 0x0c, 0xc4, 0x71, 0x00, 0x32, 0x52, 0x16, 0x01, 0xe7, 0x60, 0xbc, 0xc0, 0x00, 0x00, 0x00,
    0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

async fn guarded() -> (tempfile::TempDir, Stack) {
    let keys = tempfile::tempdir().unwrap();
    let nats_keys = Some(keys.path().to_owned());
    let options = StackOptions { nats_keys, ..StackOptions::default() };
    (keys, Stack::start(options).await.unwrap())
}

async fn link(stack: &Stack, role: NatsRole) -> Link {
    let args = stack.nats_args(role).unwrap();
    service_shell::connect(&args, role, "test", 64).await.unwrap()
}

fn undenied(stack: &mut Stack) {
    let mut refusals = stack.nats_process().unwrap().refusals().unwrap();
    refusals.retain(|line| !line.contains(FORBIDDEN));
    assert!(refusals.is_empty(), "{refusals:#?}");
}

/// Sends messages to `room` until one reaches `reader`: a failover takes its time.
async fn talk(writer: &mut Client, reader: &mut Client, content: &str) -> Value {
    let said = json!({ "content": content, "clientMessageId": content });
    let ack = writer.ask(event::CHAT_MESSAGE, said).await;
    assert_eq!(ack["status"], "success", "{ack}");
    let received = tokio::time::timeout(PATIENCE, async {
        loop {
            let received = reader.event(event::CHAT_MESSAGE).await;
            if received["content"] == content {
                return received;
            }
        }
    });
    received.await.unwrap()
}

#[tokio::test]
async fn clients_chat_through_faults_and_nothing_is_denied() {
    let (_keys, mut stack) = guarded().await;
    let mut reader = Client::connect(&stack, 1, "reader").await;
    reader.event(event::USER_LIST).await;
    let mut writer = Client::connect(&stack, 0, "writer").await;
    let list = writer.event(event::USER_LIST).await;
    assert_eq!(list["count"], 2, "{list}");
    let first = talk(&mut writer, &mut reader, "across").await;

    let typing = json!([event::TYPING, { "room": "general", "typing": true }]);
    writer.send(&format!("42{typing}")).await;
    let typing = tokio::time::timeout(PATIENCE, reader.event(event::TYPING)).await.unwrap();
    assert_eq!(typing["userId"], "writer");
    let joined = writer.ask(event::JOIN_ROOM, json!({ "room": "other" })).await;
    assert_eq!(joined["status"], "success", "{joined}");
    let left = writer.ask(event::LEAVE_ROOM, json!({ "room": "other" })).await;
    assert_eq!(left["status"], "success", "{left}");
    let history = reader.ask(event::HISTORY, json!({ "room": "general" })).await;
    assert_eq!(history["messages"][0]["content"], "across", "{history}");

    // A node dies; its client comes back elsewhere and is sent what it missed.
    stack.kill_node(1).await;
    let missed = writer.ask(event::CHAT_MESSAGE, json!({ "content": "missed" })).await;
    assert_eq!(missed["status"], "success", "{missed}");
    let seen = json!({ "general": first["seq"] });
    let mut reader = Client::connect_from(&stack, 0, "reader", seen).await;
    assert_eq!(reader.event(event::CHAT_MESSAGE).await["content"], "missed");
    let recovered = reader.event(event::RECOVERED).await;
    assert_eq!(recovered["complete"], true, "{recovered}");
    stack.start_node(1).await.unwrap();
    let mut reader = Client::connect(&stack, 1, "reader").await;
    reader.event(event::USER_LIST).await;

    // Workers die; the other takes their rooms.
    stack.kill_worker(0).await;
    talk(&mut writer, &mut reader, "while one worker is dead").await;
    stack.start_worker(0).await.unwrap();
    stack.kill_worker(1).await;
    talk(&mut writer, &mut reader, "while the other is dead").await;
    stack.start_worker(1).await.unwrap();

    // And the server itself: everyone gets in again, and makes their consumers again.
    stack.restart_nats().await.unwrap();
    stack.ready().await.unwrap();
    talk(&mut writer, &mut reader, "after a restart").await;
    stack.stop_node(0).await.unwrap();
    undenied(&mut stack);
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn files_come_from_the_queue_or_fail_and_nothing_is_denied() {
    let (_keys, mut stack) = guarded().await;
    let mut reader = Client::connect(&stack, 0, "reader").await;
    reader.event(event::USER_LIST).await;

    // What a node does with a file: over a connection of its own, in the same role.
    let node = link(&stack, NatsRole::Node).await;
    let id = NodeId::parse("node-of-the-test").unwrap();
    let mut failures = node.client.subscribe(subject::media_failure(&id)).await.unwrap();
    let jetstream = node.jetstream.context(node.client.clone());
    let uploads = jetstream.get_object_store(stream::UPLOADS_BUCKET).await.unwrap();
    for (media_id, bytes) in [("good", PICTURE), ("bad", b"no picture".as_slice())] {
        uploads.put(media_id, &mut &*bytes).await.unwrap();
        let job = serde_json::to_vec(&job(media_id, &id)).unwrap();
        queue(&jetstream, &id, job).await;
    }
    let file = tokio::time::timeout(PATIENCE, reader.event(event::FILE_MESSAGE)).await.unwrap();
    assert_eq!((&file["mediaId"], &file["width"]), (&json!("good"), &json!(4)), "{file}");
    let failed = tokio::time::timeout(PATIENCE, failures.next()).await.unwrap().unwrap();
    let failed: FileFailed = serde_json::from_slice(&failed.payload).unwrap();
    assert_eq!(failed.error.media_id, "bad");

    // What is no job is given up, with a record that the admin reads.
    queue(&jetstream, &id, b"no job".to_vec()).await;
    let admin = link(&stack, NatsRole::Admin).await;
    let jetstream = admin.jetstream.context(admin.client.clone());
    let dead = jetstream.get_stream(stream::MEDIA_DEAD).await.unwrap();
    let record = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Ok(record) = dead.get_last_raw_message_by_subject(subject::MEDIA_DEAD).await {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let record: DeadJob = serde_json::from_slice(&record.await.unwrap().payload).unwrap();
    assert_eq!(record.job, "no job");
    // Ended jobs are gone, and their uploads too.
    let left = async || {
        let media = jetstream.get_stream(stream::MEDIA).await.unwrap();
        let uploads = jetstream.get_stream("OBJ_uploads").await.unwrap();
        let chunks = uploads.info_with_subjects("$O.uploads.C.>").await.unwrap();
        let chunks: Vec<(String, usize)> = chunks.try_collect().await.unwrap();
        (media.cached_info().state.messages, chunks)
    };
    tokio::time::timeout(PATIENCE, async {
        while left().await != (0, Vec::new()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
    assert_eq!(*node.refusals.borrow(), 0);
    undenied(&mut stack);
    stack.stop().await.unwrap();
}

fn job(media_id: &str, node: &NodeId) -> MediaJob {
    MediaJob {
        media_id: media_id.to_owned(),
        room: RoomName::parse("general").unwrap(),
        author: User { user_id: "u-1".into(), username: "Una".into() },
        filename: None,
        object: media_id.to_owned(),
        node: Some(node.clone()),
        socket: None,
    }
}

async fn queue(jetstream: &jetstream::Context, node: &NodeId, job: Vec<u8>) {
    jetstream.publish(subject::media_job(node), job.into()).await.unwrap().await.unwrap();
}

#[tokio::test]
async fn nodes_tell_each_other_of_kicks_and_bans_and_ask_everyone() {
    let (_keys, mut stack) = guarded().await;
    let (one, other) = (link(&stack, NatsRole::Node).await, link(&stack, NatsRole::Node).await);
    let mut kicks = other.client.subscribe("adm.>").await.unwrap();
    server_knows(&other).await;
    one.client.publish("adm.kick", "u-1".into()).await.unwrap();
    assert_eq!(kicks.next().await.unwrap().payload, "u-1");
    bans(&one, &other).await;
    // A question to all, which nodes and workers may answer once.
    let worker = link(&stack, NatsRole::Fanout).await;
    for answering in [&other, &worker] {
        let mut questions = answering.client.subscribe("adm.stats").await.unwrap();
        server_knows(answering).await;
        let asked = one.client.request("adm.stats", "".into());
        let answer = async {
            let question = questions.next().await.unwrap();
            answering.client.publish(question.reply.unwrap(), "7".into()).await.unwrap();
        };
        let (answered, ()) = tokio::join!(asked, answer);
        assert_eq!(answered.unwrap().payload, "7");
        questions.unsubscribe().await.unwrap();
        server_knows(answering).await;
    }
    undenied(&mut stack);
    stack.stop().await.unwrap();
}

/// Waits until the server has heard everything that this connection said: what it hears after that it
/// denies in order.
async fn server_knows(link: &Link) {
    let refusals = *link.refusals.borrow();
    link.client.publish(FORBIDDEN, "".into()).await.unwrap();
    link.refusals.clone().wait_for(|now| *now > refusals).await.unwrap();
}

/// `one` bans, `other` learns of it: from the bucket, and as it happens.
pub async fn bans(one: &Link, other: &Link) {
    let writing = one.jetstream.context(one.client.clone());
    let mut headers = HeaderMap::new();
    headers.insert("Nats-TTL", "1h");
    let put = writing.publish_with_headers("$KV.RT.ban.u-1", headers, "until tomorrow".into());
    put.await.unwrap().await.unwrap();

    let reading = other.jetstream.context(other.client.clone());
    let bucket = reading.get_key_value(stream::RT_BUCKET).await.unwrap();
    assert_eq!(bucket.get("ban.u-1").await.unwrap().unwrap(), "until tomorrow");
    // With a name, so that the filter is in the request's subject, where the server enforces it.
    let config = OrderedConfig {
        name: Some("bans-of-the-test".to_owned()),
        deliver_subject: other.client.new_inbox(),
        filter_subject: "$KV.RT.ban.>".to_owned(),
        deliver_policy: DeliverPolicy::LastPerSubject,
        ..OrderedConfig::default()
    };
    let consumer = reading.create_consumer_on_stream(config, "KV_RT").await.unwrap();
    let mut bans = consumer.messages().await.unwrap();
    assert_eq!(bans.next().await.unwrap().unwrap().payload, "until tomorrow");
    let bucket = writing.get_key_value(stream::RT_BUCKET).await.unwrap();
    bucket.put("ban.u-2", "for ever".into()).await.unwrap();
    let ban = bans.next().await.unwrap().unwrap();
    assert_eq!((ban.subject.as_str(), &*ban.payload), ("$KV.RT.ban.u-2", &b"for ever"[..]));
}
