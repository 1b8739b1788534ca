//! The whole system on a guarded server, each service in its own role: everything works, and the server
//! denies nothing.

use std::time::Duration;

use async_nats::jetstream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use local_stack::stack::Stack;
use local_stack::stack_options::StackOptions;
use serde_json::{Value, json};
use service_shell::Link;
use tokio::time::timeout;
use wire::admin::StatsAnswer;
use wire::media::DeadJob;
use wire::{NatsRole, NodeId, Partition, event, stream, subject};

use crate::client::{Client, token};
use crate::http::post;
use crate::nats_guarded::FORBIDDEN;

/// Until what is done behind the scenes is done.
const PATIENCE: Duration = Duration::from_secs(30);

/// A picture of 4 by 4 pixels.
pub const PICTURE: &[u8] = &[
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

/// Whatever was asked for until now was granted: the server's log holds no denial but the one that is
/// provoked here, to see that it would.
async fn undenied(stack: &mut Stack) {
    let admin = link(stack, NatsRole::Admin).await;
    admin.client.publish(FORBIDDEN, "".into()).await.unwrap();
    admin.refusals.clone().wait_for(|refusals| *refusals > 0).await.unwrap();
    let (provoked, denied): (Vec<String>, Vec<String>) = stack
        .nats_process()
        .unwrap()
        .refusals()
        .unwrap()
        .into_iter()
        .partition(|line| line.contains(FORBIDDEN));
    assert_eq!(provoked.len(), 1, "{provoked:#?}");
    assert!(denied.is_empty(), "{denied:#?}");
}

/// Sends a message, again where a failover asks for it, and waits until it reaches `reader`.
async fn talk(writer: &mut Client, reader: &mut Client, content: &str) -> Value {
    let said = json!({ "content": content, "clientMessageId": content });
    let ack = writer.insist(event::CHAT_MESSAGE, said).await;
    assert_eq!(ack["status"], "success", "{ack}");
    loop {
        let received = reader.event(event::CHAT_MESSAGE).await;
        if received["content"] == content {
            return received;
        }
    }
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
    let typing = reader.event(event::TYPING).await;
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
    // What its new node has not been told yet comes behind `recovered`, live.
    let [missed, recovered] = reader.events([event::CHAT_MESSAGE, event::RECOVERED]).await;
    assert_eq!(missed["content"], "missed", "{missed}");
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
    undenied(&mut stack).await;
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn files_come_by_socket_or_fail_and_nothing_is_denied() {
    let (_keys, mut stack) = guarded().await;
    let mut reader = Client::connect(&stack, 0, "reader").await;
    reader.event(event::USER_LIST).await;
    let mut writer = Client::connect(&stack, 1, "writer").await;
    writer.event(event::USER_LIST).await;
    let good = writer.send_file(PICTURE, json!({ "filename": "dot.png" })).await;
    assert_eq!(good["status"], "success", "{good}");
    let file = reader.event(event::FILE_MESSAGE).await;
    assert_eq!((&file["mediaId"], &file["width"]), (&good["mediaId"], &json!(4)), "{file}");
    let bad = writer.send_file(b"no picture", json!({})).await;
    let failed = writer.event(event::FILE_ERROR).await;
    assert_eq!(
        (&failed["mediaId"], &failed["code"]),
        (&bad["mediaId"], &json!("unsupported_media"))
    );

    // What is no job is given up, with a record that the admin reads.
    let node = link(&stack, NatsRole::Node).await;
    let jetstream = node.jetstream.context(node.client.clone());
    let jobs = subject::media_job(&NodeId::parse("node-of-the-test").unwrap());
    jetstream.publish(jobs, "no job".into()).await.unwrap().await.unwrap();
    let admin = link(&stack, NatsRole::Admin).await;
    let jetstream = admin.jetstream.context(admin.client.clone());
    let dead = jetstream.get_stream(stream::MEDIA_DEAD).await.unwrap();
    let record = timeout(PATIENCE, async {
        loop {
            if let Ok(record) = dead.get_last_raw_message_by_subject(subject::MEDIA_DEAD).await {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let record: DeadJob = serde_json::from_slice(&record.await.unwrap().payload).unwrap();
    assert_eq!(record.job, "no job");
    nothing_is_left(&jetstream).await;
    undenied(&mut stack).await;
    stack.stop().await.unwrap();
}

/// Ended jobs are gone, and their uploads too.
async fn nothing_is_left(jetstream: &jetstream::Context) {
    let left = async || {
        let media = jetstream.get_stream(stream::MEDIA).await.unwrap();
        let uploads = jetstream.get_stream("OBJ_uploads").await.unwrap();
        let chunks = uploads.info_with_subjects("$O.uploads.C.>").await.unwrap();
        let chunks: Vec<(String, usize)> = chunks.try_collect().await.unwrap();
        (media.cached_info().state.messages, chunks)
    };
    timeout(PATIENCE, async {
        while left().await != (0, Vec::new()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn administrators_and_backends_reach_everyone_and_nothing_is_denied() {
    let (_keys, mut stack) = guarded().await;
    let mut admin = Client::admin(&stack, 0).await;
    let mut reader = Client::connect(&stack, 1, "reader").await;
    reader.event(event::USER_LIST).await;

    let told = admin.ask(event::BROADCAST_MESSAGE, json!({ "content": "hear" })).await;
    assert_eq!((&told["status"], &told["nodes"]), (&json!("success"), &json!(2)), "{told}");
    assert_eq!(reader.event(event::ADMIN_ANNOUNCEMENT).await["content"], "hear");
    let counted = stats(&mut admin).await;
    assert_eq!(counted["nodes"].as_array().map(Vec::len), Some(2), "{counted}");
    assert_eq!(counted["workers"].as_array().map(Vec::len), Some(2), "{counted}");
    workers_answer_where_answers_go(&stack).await;
    let service = token(stack.jwt_secret(), "backend", "service");
    let said = json!({ "content": "from a backend" });
    let path = "/api/rooms/general/messages";
    let (status, stored) = post(&stack.node_url(0), path, &service, &said).await;
    assert_eq!(status, 201, "{stored}");
    assert_eq!(reader.event(event::CHAT_MESSAGE).await["seq"], stored["seq"]);

    let kicked = admin.ask(event::KICK, json!({ "userId": "reader" })).await;
    assert_eq!((&kicked["nodes"], &kicked["sockets"]), (&json!(2), &json!(1)), "{kicked}");
    reader.event(event::AUTH_ERROR).await;
    reader.ended().await;

    bans(&stack, &mut admin, "first").await;
    // Everyone follows the bans again after the server was away.
    stack.restart_nats().await.unwrap();
    stack.ready().await.unwrap();
    bans(&stack, &mut admin, "second").await;
    // A node that starts reads them before it serves.
    let banned = admin.ask(event::BAN, json!({ "userId": "third" })).await;
    assert_eq!(banned["status"], "success", "{banned}");
    stack.kill_node(1).await;
    stack.start_node(1).await.unwrap();
    stack.ready().await.unwrap();
    assert!(refused(&stack, "third").await);
    undenied(&mut stack).await;
    stack.stop().await.unwrap();
}

/// A node cannot have workers publish for it what it may not publish itself.
async fn workers_answer_where_answers_go(stack: &Stack) {
    let node = link(stack, NatsRole::Node).await;
    let (delivery, answer) = ("dlv.node-of-the-test".to_owned(), subject::admin_answers("x"));
    let mut elsewhere = node.client.subscribe(delivery.clone()).await.unwrap();
    let mut answers = node.client.subscribe(answer.clone()).await.unwrap();
    for reply in [delivery, answer] {
        let asked = node.client.publish_with_reply(subject::ADMIN_STATS, reply, "".into());
        asked.await.unwrap();
    }
    // Workers answer in turn: what they have not sent elsewhere by now they never will.
    let mut workers = 0;
    while workers < 2 {
        let answer = timeout(PATIENCE, answers.next()).await.unwrap().unwrap();
        let answer: StatsAnswer = serde_json::from_slice(&answer.payload).unwrap();
        workers += usize::from(matches!(answer, StatsAnswer::Worker(_)));
    }
    elsewhere.unsubscribe().await.unwrap();
    assert!(elsewhere.next().await.is_none());
}

/// What all have counted, once every partition has its owner.
pub async fn stats(admin: &mut Client) -> Value {
    let asking = async {
        loop {
            let stats = admin.ask(event::STATS, json!({})).await;
            if stats["partitions"] == Partition::all().count() {
                return stats;
            }
        }
    };
    timeout(PATIENCE, asking).await.expect("partitions without an owner")
}

/// A ban holds on the other node and in the media worker, and for a while that it says; once lifted it
/// does not.
async fn bans(stack: &Stack, admin: &mut Client, user: &str) {
    let mut client = Client::connect(stack, 1, user).await;
    let ban = json!({ "userId": user, "seconds": 3_600, "reason": "spam" });
    let banned = admin.insist(event::BAN, ban).await;
    assert_eq!(banned["status"], "success", "{banned}");
    let told = client.event(event::AUTH_ERROR).await;
    assert!(told["message"].as_str().unwrap().ends_with(": spam"), "{told}");
    client.ended().await;
    assert!(refused(stack, user).await);
    let wish = json!({ "room": "general", "mime": "image/png", "size": PICTURE.len() });
    let path = "/media/uploads";
    let own = token(stack.jwt_secret(), user, "user");
    let (status, answer) = post(&stack.media_url(), path, &own, &wish).await;
    assert_eq!((status, &answer["code"]), (403, &json!("forbidden")), "{answer}");

    let lifted = admin.ask(event::UNBAN, json!({ "userId": user })).await;
    assert_eq!(lifted["status"], "success", "{lifted}");
    let (status, answer) = post(&stack.media_url(), path, &own, &wish).await;
    assert_eq!(status, 201, "{answer}");
    timeout(PATIENCE, async {
        while refused(stack, user).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

/// Whether the other node than the administrator's lets nobody in by this name.
async fn refused(stack: &Stack, user: &str) -> bool {
    let token = token(stack.jwt_secret(), user, "user");
    let entered = Client::enter(&stack.node_url(1), "", json!({ "token": token })).await;
    entered.is_err()
}
