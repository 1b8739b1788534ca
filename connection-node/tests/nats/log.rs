//! The node's reading and writing of the log, on a real nats-server.

use std::{slice, sync::Arc, time::Duration};

use async_nats::{Client, jetstream};
use connection_node::{
    log::{
        direct::DirectGetError,
        publisher::{DownSince, Publication, Publisher, Stored},
        reader::LogReader,
    },
    rooms::port::Page,
};
use local_stack::{
    nats_process::NatsProcess,
    provision::{ProvisionOptions, provision},
};
use service_shell::{JetStreamApi, Link, NatsArgs};
use tokio::sync::oneshot;
use wire::{
    ErrorCode, Failure, NatsRole, NodeId, RoomName, Seq, StoredChat, StoredMessage, Timestamp,
    User, message, subject,
};

struct Log {
    nats: NatsProcess,
    client: Client,
    context: jetstream::Context,
    reader: LogReader,
    down_since: DownSince,
}

impl Log {
    async fn start() -> Self {
        Self::with(&ProvisionOptions::default()).await
    }

    async fn with(options: &ProvisionOptions) -> Self {
        let nats = NatsProcess::start_temp().await.unwrap();
        let args = NatsArgs::at(&nats.url());
        let Link { client, down_since, .. } =
            service_shell::connect(&args, NatsRole::Node, "test", 2_048).await.unwrap();
        provision(&client, options).await.unwrap();
        let reader =
            LogReader::open(client.clone(), &JetStreamApi::default(), node()).await.unwrap();
        let context = jetstream::new(client.clone());
        Self { nats, client, context, reader, down_since }
    }

    /// Stores a message and returns its sequence.
    async fn store(&self, room: &RoomName, n: usize) -> Seq {
        let payload = serde_json::to_vec(&chat(n)).unwrap();
        let ack = self.context.publish(subject::message(room), payload.into()).await.unwrap();
        ack.await.unwrap().sequence
    }

    fn publisher(&self, capacity: usize) -> (Publisher, impl Future<Output = ()> + use<>) {
        let (client, reader) = (self.client.clone(), self.reader.clone());
        Publisher::new(client, reader, self.down_since.clone(), capacity, Arc::default())
    }
}

fn node() -> NodeId {
    NodeId::parse("node-1").unwrap()
}

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn chat(n: usize) -> StoredMessage {
    StoredMessage::Chat(StoredChat {
        id: n.to_string().into(),
        author: User { user_id: "u".into(), username: "U".into() },
        content: format!("message {n}"),
        html: None,
        timestamp: Timestamp::from_millis(n as u64),
        client_message_id: None,
    })
}

fn seqs(page: &Page) -> Vec<Seq> {
    page.messages.iter().map(|message| message.seq).collect()
}

fn publication(
    room: &RoomName,
    n: usize,
    id: Option<Arc<str>>,
) -> (Publication, oneshot::Receiver<Result<Stored, Failure>>) {
    let (tell, told) = oneshot::channel();
    let publication = Publication {
        span: service_shell::telemetry::Span::default(),
        subject: subject::message(room),
        payload: serde_json::to_vec(&chat(n)).unwrap().into(),
        id,
        timestamp: Timestamp::from_millis(n as u64),
        done: Box::new(move |result| {
            let _ = tell.send(result);
        }),
    };
    (publication, told)
}

#[tokio::test]
async fn pages_reach_every_message_of_a_room_among_others() {
    let log = Log::start().await;
    let (mine, other) = (room("a.b *>🐦"), room("other"));
    let mut stored = Vec::new();
    for n in 0..700 {
        // A burst, a lull, then one in seven: rates that no interpolation can guess.
        if n < 300 || n % 7 == 0 {
            stored.push(log.store(&mine, n).await);
        } else {
            log.store(&other, n).await;
        }
    }
    let (mut before, mut read) = (None, Vec::new());
    loop {
        let page = log.reader.latest(&mine, before, 37).await.unwrap();
        assert_eq!(page.complete_from, 0);
        let seqs = seqs(&page);
        assert!(seqs.len() == 37 || !page.more, "{} {}", seqs.len(), page.more);
        before = seqs.first().copied();
        read.splice(0..0, seqs);
        if !page.more {
            break;
        }
    }
    assert_eq!(read, stored);

    let (mut after, mut read) = (stored[9], Vec::new());
    loop {
        let page = log.reader.after(&mine, after, 50, *stored.last().unwrap()).await.unwrap();
        read.extend(seqs(&page));
        after = *read.last().unwrap();
        if !page.more {
            break;
        }
    }
    assert_eq!(read, stored[10..]);

    let lasts = log.reader.lasts(&[mine.clone(), other.clone(), room("empty")], 1).await.unwrap();
    assert_eq!(lasts.len(), 2);
    assert!(lasts.contains(&(mine.clone(), *stored.last().unwrap())));

    let empty = log.reader.latest(&room("empty"), None, 10).await.unwrap();
    assert!(empty.messages.is_empty() && !empty.more);
    let before_first = log.reader.latest(&mine, Some(stored[0]), 10).await.unwrap();
    assert!(before_first.messages.is_empty() && !before_first.more);
}

#[tokio::test]
async fn a_room_at_its_cap_says_what_is_gone() {
    let options = ProvisionOptions { room_cap: Some(5), ..ProvisionOptions::default() };
    let log = Log::with(&options).await;
    let room = room("r");
    let mut stored = Vec::new();
    for n in 0..9 {
        stored.push(log.store(&room, n).await);
    }
    let page = log.reader.after(&room, stored[0], 50, stored[8]).await.unwrap();
    assert_eq!(seqs(&page), stored[4..]);
    assert!(stored[0] < page.complete_from && page.complete_from <= stored[4]);
}

#[tokio::test]
async fn a_repetition_is_answered_with_the_first() {
    let log = Log::start().await;
    let (publisher, driving) = log.publisher(16);
    let driver = tokio::spawn(driving);
    let room = room("r");
    let id = message::message_id("u", &room, Some("1"));
    let (first, told) = publication(&room, 1, Some(id.clone()));
    publisher.publish(first);
    let first = told.await.unwrap().unwrap();
    let (again, told) = publication(&room, 2, Some(id));
    publisher.publish(again);
    let again = told.await.unwrap().unwrap();
    assert_eq!(again.seq, first.seq);
    assert_eq!(again.timestamp, Timestamp::from_millis(1));
    assert_eq!(log.reader.latest(&room, None, 10).await.unwrap().messages.len(), 1);
    drop(publisher);
    driver.await.unwrap();
}

#[tokio::test]
async fn a_sender_keeps_its_order_with_many_in_flight() {
    let log = Log::start().await;
    let (publisher, driving) = log.publisher(2_000);
    tokio::spawn(driving);
    let room = room("r");
    let mut told = Vec::new();
    for n in 0..1_000 {
        let (publication, answer) = publication(&room, n, None);
        publisher.publish(publication);
        told.push(answer);
    }
    let mut seqs = Vec::new();
    for answer in told {
        seqs.push(answer.await.unwrap().unwrap().seq);
    }
    assert!(seqs.is_sorted());
}

#[tokio::test]
async fn more_than_fits_is_answered_at_once() {
    let log = Log::start().await;
    // Not driven: nothing leaves the queue.
    let (publisher, _driving) = log.publisher(3);
    let room = room("r");
    let mut answers = Vec::new();
    for n in 0..4 {
        let (publication, answer) = publication(&room, n, None);
        publisher.publish(publication);
        answers.push(answer);
    }
    let failure = answers.pop().unwrap().await.unwrap().unwrap_err();
    assert_eq!(failure.code, ErrorCode::Overloaded);
    assert!(failure.retry_after.is_some());
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
}

#[tokio::test]
async fn without_nats_a_message_is_not_known_to_be_stored() {
    let mut log = Log::start().await;
    let (publisher, driving) = log.publisher(16);
    tokio::spawn(driving);
    let room = room("r");
    log.nats.kill().unwrap();
    let (lost, told) = publication(&room, 1, None);
    publisher.publish(lost);
    assert_eq!(told.await.unwrap().unwrap_err().code, ErrorCode::Unavailable);
    log.nats.restart().await.unwrap();
    // The same publisher goes on as soon as the connection is back.
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let (again, told) = publication(&room, 2, None);
            publisher.publish(again);
            match told.await.unwrap() {
                Ok(_) => break,
                Err(failure) => assert_eq!(failure.code, ErrorCode::Unavailable),
            }
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_the_log_must_have_and_does_not_show_is_behind() {
    let log = Log::start().await;
    let (mine, empty) = (room("r"), room("empty"));
    let stored = [log.store(&mine, 1).await, log.store(&mine, 2).await];
    let interest = subject::interest(&empty, &node());
    let joined = log.context.publish(interest, "\"joined\"".into()).await.unwrap();
    let joined = joined.await.unwrap().sequence;

    // A replica that has come so far says so, also of a room without messages.
    let lasts = log.reader.lasts(slice::from_ref(&mine), joined).await.unwrap();
    assert_eq!(lasts, [(mine.clone(), stored[1])]);
    assert_eq!(log.reader.lasts(slice::from_ref(&empty), joined).await.unwrap(), []);
    let page = log.reader.window(&empty, 10, joined).await.unwrap();
    assert!(seqs(&page).is_empty());
    assert_eq!(seqs(&log.reader.window(&mine, 10, joined).await.unwrap()), stored);
    assert_eq!(seqs(&log.reader.after(&mine, 0, 10, stored[1]).await.unwrap()), stored);
    // The room's last message is not at `reached`, but a replica that has come there shows no later.
    let page = log.reader.after(&mine, stored[1], 10, joined).await.unwrap();
    assert!(page.messages.is_empty() && !page.more);

    // One that has not is not believed.
    let behind = |result: Result<(), DirectGetError>| {
        assert!(matches!(result, Err(DirectGetError::Behind)), "{result:?}");
    };
    behind(log.reader.lasts(slice::from_ref(&mine), joined + 1).await.map(drop));
    behind(log.reader.window(&mine, 10, joined + 1).await.map(drop));
    behind(log.reader.after(&mine, 0, 10, joined + 1).await.map(drop));
    behind(log.reader.lasts(&[room("unknown")], joined).await.map(drop));
}

#[tokio::test]
async fn messages_in_flight_are_answered_when_nats_goes() {
    let mut log = Log::start().await;
    let (publisher, driving) = log.publisher(2_000);
    tokio::spawn(driving);
    let room = room("r");
    // A server that stands still takes everything and answers nothing.
    let pid = log.nats.pid().unwrap().to_string();
    let signal = |name: &str| {
        let sent = std::process::Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(sent.success());
    };
    signal("-STOP");
    let told: Vec<_> = (0..100)
        .map(|n| {
            let (publication, told) = publication(&room, n, None);
            publisher.publish(publication);
            told
        })
        .collect();
    log.nats.kill().unwrap();
    for told in told {
        assert_eq!(told.await.unwrap().unwrap_err().code, ErrorCode::Unavailable);
    }
    assert_eq!(publisher.in_flight(), 0);
}
