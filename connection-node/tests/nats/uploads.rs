//! Files on their way into the media worker's queue.

use async_nats::{
    Client,
    jetstream::{self, consumer::PullConsumer, object_store::ObjectStore},
};
use bytes::Bytes;
use connection_node::uploads::queue::MediaQueue;
use futures_util::StreamExt;
use local_stack::{
    nats_process::NatsProcess,
    provision::{ProvisionOptions, provision},
};
use service_shell::NatsArgs;
use service_shell::telemetry::Span;
use tokio::io::AsyncReadExt;
use wire::{ErrorCode, MediaJob, NodeId, RoomName, User, event::MAX_FILE_BYTES, stream, subject};

const CAPACITY: u64 = 3 * MAX_FILE_BYTES as u64;

struct Way {
    nats: NatsProcess,
    client: Client,
    queue: MediaQueue,
}

impl Way {
    async fn start() -> Self {
        let nats = NatsProcess::start_temp().await.unwrap();
        let client = async_nats::connect(nats.url()).await.unwrap();
        provision(&client, &ProvisionOptions::default()).await.unwrap();
        let queue = MediaQueue::open(&NatsArgs::at(&nats.url()), node(), CAPACITY).await.unwrap();
        Self { nats, client, queue }
    }

    async fn store(&self) -> ObjectStore {
        let jetstream = jetstream::new(self.client.clone());
        jetstream.get_object_store(stream::UPLOADS_BUCKET).await.unwrap()
    }

    /// Takes the next job as the media worker does.
    async fn job(&self) -> MediaJob {
        let consumer: PullConsumer = jetstream::new(self.client.clone())
            .get_consumer_from_stream(stream::MEDIA_CONSUMER, stream::MEDIA)
            .await
            .unwrap();
        let message = consumer.messages().await.unwrap().next().await.unwrap().unwrap();
        message.double_ack().await.unwrap();
        serde_json::from_slice(&message.payload).unwrap()
    }
}

fn node() -> NodeId {
    NodeId::parse("node-1").unwrap()
}

fn job(media_id: &str) -> MediaJob {
    MediaJob {
        media_id: media_id.to_owned(),
        room: RoomName::parse("r").unwrap(),
        author: User { user_id: "u".into(), username: "U".into() },
        filename: Some("a.jpg".to_owned()),
        object: media_id.to_owned(),
        node: Some(node()),
        socket: Some(7),
    }
}

#[tokio::test]
async fn a_file_of_the_largest_size_comes_through() {
    let way = Way::start().await;
    let bytes: Bytes = (0..MAX_FILE_BYTES).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let held = way.queue.hold(bytes.len()).unwrap();
    assert_eq!(way.queue.held(), MAX_FILE_BYTES);
    way.queue.put(&job("m-1"), bytes.clone(), held, &Span::default()).await.unwrap();
    assert_eq!(way.queue.held(), 0);

    let taken = way.job().await;
    assert_eq!(taken, job("m-1"));
    let mut object = way.store().await.get(&taken.object).await.unwrap();
    let chunks = object.info().chunks;
    assert!(chunks <= 40, "{chunks} chunks, each of which waits for an answer");
    let mut stored = Vec::new();
    object.read_to_end(&mut stored).await.unwrap();
    assert!(stored == bytes, "the bytes are not those that were sent");
}

#[tokio::test]
async fn what_is_under_way_is_bounded() {
    let way = Way::start().await;
    let held: Vec<_> = (0..3).map(|_| way.queue.hold(MAX_FILE_BYTES).unwrap()).collect();
    let refusal = way.queue.hold(1).err().unwrap();
    assert_eq!(refusal.code, ErrorCode::Overloaded);
    assert!(refusal.retry_after.is_some());
    drop(held);
    assert!(way.queue.hold(1).is_ok());
}

#[tokio::test]
async fn an_outage_is_told_and_ends() {
    let mut way = Way::start().await;
    way.nats.kill().unwrap();
    // The connection may not have noticed yet; then the attempt fails.
    let refusal = match way.queue.hold(3) {
        Ok(held) => way
            .queue
            .put(&job("m-1"), Bytes::from_static(b"abc"), held, &Span::default())
            .await
            .unwrap_err(),
        Err(refusal) => refusal,
    };
    assert_eq!(refusal.code, ErrorCode::Unavailable);
    assert!(refusal.retry_after.is_some());
    assert_eq!(way.queue.held(), 0, "a file that failed holds room");

    way.nats.restart().await.unwrap();
    let held = loop {
        match way.queue.hold(3) {
            Ok(held) => break held,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    way.queue.put(&job("m-2"), Bytes::from_static(b"abc"), held, &Span::default()).await.unwrap();
    while way.job().await.media_id != "m-2" {}
}

#[tokio::test]
async fn the_media_worker_hears_that_its_word_was_taken_where_it_may() {
    let way = Way::start().await;
    let mut words = way.queue.words().await.unwrap();
    let mut all = way.client.subscribe(">").await.unwrap();
    way.client.flush().await.unwrap();
    let (there, elsewhere) = (subject::media_answers("x"), subject::ADMIN_ORDER.to_owned());
    for answers in [elsewhere, there.clone()] {
        let word = subject::media_failure(&node());
        way.client.publish_with_reply(word, answers, Bytes::new()).await.unwrap();
        way.queue.taken(words.next().await.unwrap()).await;
    }
    let mut seen = Vec::new();
    while seen.last() != Some(&there) {
        let message = all.next().await.unwrap();
        if !message.subject.starts_with('_') && !message.subject.starts_with('$') {
            seen.push(message.subject.to_string());
        }
    }
    let word = subject::media_failure(&node());
    assert_eq!(seen, [word.clone(), word, there]);
}
