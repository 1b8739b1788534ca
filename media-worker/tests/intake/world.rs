//! NATS, S3 and media workers, and a look into each.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::object_store::ObjectStore;
use async_nats::{Client, Subscriber, jetstream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use local_stack::nats_process::NatsProcess;
use local_stack::port;
use local_stack::provision::{ProvisionOptions, provision};
use local_stack::s3::{self, BUCKET, REGION, S3Options};
use local_stack::s3_server::{S3Kind, S3Server};
use local_stack::service::Service;
use media_worker::Config;
use serde::de::DeserializeOwned;
use service_shell::token::{Secret, TokenArgs};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};
use wire::media::FileFailed;
use wire::{MediaJob, NodeId, RoomName, StoredFile, StoredMessage, User, stream, subject};

use crate::direct::SECRET;
use crate::fault_proxy::FaultProxy;

/// Until what is waited for must have happened.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// After this the log does not know an id any more, see [`World::forget_ids`].
pub const FORGOTTEN: Duration = Duration::from_millis(200);

pub struct World {
    pub nats: NatsProcess,
    pub client: Client,
    pub jetstream: jetstream::Context,
    /// Past the proxy.
    pub s3: aws_sdk_s3::Client,
    /// What workers take for S3.
    pub proxy: FaultProxy,
    kind: S3Kind,
    port: u16,
    server: Option<S3Server>,
    data: TempDir,
}

impl World {
    pub async fn start(kind: S3Kind) -> Self {
        let (nats, port) = tokio::join!(NatsProcess::start_temp(), S3Server::free_port());
        let (nats, port) = (nats.unwrap(), port.unwrap());
        let client = async_nats::connect(nats.url()).await.unwrap();
        provision(&client, &ProvisionOptions::default()).await.unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut world = Self {
            nats,
            jetstream: jetstream::new(client.clone()),
            client,
            s3: s3::client(&address.into(), &S3Options::default()),
            proxy: FaultProxy::start(address).await,
            kind,
            port,
            server: None,
            data: tempfile::tempdir().unwrap(),
        };
        world.start_s3().await;
        world
    }

    /// Starts S3 over the same files, and waits until it answers.
    pub async fn start_s3(&mut self) {
        let options = S3Options::default();
        let starting = S3Server::start(&self.kind, self.port, &options, self.data.path());
        let server = self.server.insert(starting.await.unwrap());
        let endpoint = server.endpoint();
        s3::make_bucket(&endpoint, &options, Some(server)).await.unwrap();
        // weed knows the bucket before it has found the objects again, and says 500 meanwhile.
        if let Some(key) = self.keys("").await.first() {
            let get = || self.s3.get_object().bucket(BUCKET).key(key).send();
            until(async || get().await.is_ok()).await;
        }
    }

    /// As a crash does.
    pub async fn kill_s3(&mut self) {
        self.server.take().unwrap().kill().await.unwrap();
    }

    pub fn config(&self) -> Config {
        let options = S3Options::default();
        Config {
            s3_endpoint: Some(self.proxy.address().into()),
            s3_bucket: BUCKET.to_owned(),
            s3_region: REGION.to_owned(),
            s3_access_key: Some(options.access_key),
            s3_secret_key: Some(options.secret_key),
            s3_force_path_style: true,
            media_url: "https://media.example".parse().unwrap(),
            tokens: TokenArgs::of_secret(Secret::own(SECRET)),
            allowed_origins: vec!["https://chat.example".to_owned()],
            ..Config::local(&self.nats.url())
        }
    }

    /// For a worker that reaches S3 past the proxy and its faults.
    pub fn config_past_the_proxy(&self) -> Config {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        Config { s3_endpoint: Some(address.into()), ..self.config() }
    }

    pub async fn worker(&self) -> Service {
        self.worker_of(self.config()).await
    }

    pub async fn worker_of(&self, config: Config) -> Service {
        let listener = port::listen_anywhere().await.unwrap();
        let run = |listener, shutdown| media_worker::run(config, listener, shutdown);
        Service::start("media worker", listener, run).unwrap()
    }

    /// Does what a node does with a file.
    pub async fn queue(&self, job: &MediaJob, bytes: &[u8]) {
        let mut bytes = bytes;
        self.uploads().await.put(job.object.as_str(), &mut bytes).await.unwrap();
        self.queue_again(job).await;
    }

    pub async fn queue_again(&self, job: &MediaJob) {
        self.queue_raw(&serde_json::to_vec(job).unwrap()).await;
    }

    pub async fn queue_raw(&self, payload: &[u8]) {
        let publishing =
            self.jetstream.publish(subject::media_job(&node()), payload.to_vec().into());
        publishing.await.unwrap().await.unwrap();
    }

    pub async fn uploads(&self) -> ObjectStore {
        self.jetstream.get_object_store(stream::UPLOADS_BUCKET).await.unwrap()
    }

    /// Waits until no job is queued or worked on.
    pub async fn idle(&self) {
        until(async || self.count(stream::MEDIA).await == 0).await;
    }

    async fn consumer(&self) -> PullConsumer {
        let consumer =
            self.jetstream.get_consumer_from_stream(stream::MEDIA_CONSUMER, stream::MEDIA);
        consumer.await.unwrap()
    }

    /// Takes the next job from the queue, as a worker does.
    pub async fn delivery(&self) -> Message {
        let consumer = self.consumer().await;
        let mut batch =
            consumer.batch().max_messages(1).expires(PATIENCE).messages().await.unwrap();
        batch.next().await.expect("no job").unwrap()
    }

    /// Waits until a worker has a job at hand.
    pub async fn at_work(&self) {
        let consumer = self.consumer().await;
        until(async || consumer.get_info().await.unwrap().num_ack_pending > 0).await;
    }

    pub async fn count(&self, stream: &str) -> u64 {
        self.jetstream.get_stream(stream).await.unwrap().cached_info().state.messages
    }

    /// Has the server take a job for forgotten after this time without a word of its worker.
    pub async fn forget_jobs_after(&self, ack_wait: Duration) {
        let mut consumer = self.consumer().await;
        let held = consumer.info().await.unwrap().config.clone();
        let config = pull::Config {
            durable_name: held.durable_name,
            description: held.description,
            ack_policy: held.ack_policy,
            max_deliver: held.max_deliver,
            ack_wait,
            ..pull::Config::default()
        };
        self.jetstream.create_consumer_on_stream(config, stream::MEDIA).await.unwrap();
    }

    /// How often jobs were delivered again, of those that are not done.
    pub async fn redelivered(&self) -> usize {
        self.consumer().await.get_info().await.unwrap().num_redelivered
    }

    /// Has the log forget the ids of messages at once.
    pub async fn forget_ids(&self) {
        let mut rooms = self.jetstream.get_stream(stream::ROOMS).await.unwrap();
        let mut config = rooms.info().await.unwrap().config.clone();
        config.duplicate_window = FORGOTTEN / 2;
        self.jetstream.update_stream(config).await.unwrap();
    }

    /// Every message in the log of the room, which holds files alone.
    pub async fn files(&self, room: &RoomName) -> Vec<StoredFile> {
        let (log, mut files) =
            (self.jetstream.get_stream(stream::ROOMS).await.unwrap(), Vec::new());
        let mut from = 1;
        while let Ok(message) =
            log.direct_get_next_for_subject(subject::message(room), Some(from)).await
        {
            let StoredMessage::File(file) = serde_json::from_slice(&message.payload).unwrap()
            else {
                panic!("not a file")
            };
            files.push(file);
            from = message.sequence + 1;
        }
        files
    }

    /// What is under a prefix of the bucket.
    pub async fn keys(&self, prefix: &str) -> Vec<String> {
        let listing = self.s3.list_objects_v2().bucket(BUCKET).prefix(prefix).send().await.unwrap();
        listing.contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
    }

    /// What stands behind the URL of a rendition: bytes, type, caching, disposition.
    pub async fn rendition(&self, url: &str) -> (Vec<u8>, [String; 3]) {
        let key = url.strip_prefix("https://media.example/").unwrap();
        let object = self.s3.get_object().bucket(BUCKET).key(key).send().await.unwrap();
        let headers = [&object.content_type, &object.cache_control, &object.content_disposition];
        let headers = headers.map(|header| header.clone().unwrap());
        (object.body.collect().await.unwrap().to_vec(), headers)
    }
}

/// Waits for something that can only be asked for.
pub async fn until(happened: impl AsyncFn() -> bool) {
    let asking = async {
        while !happened().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, asking).await.expect("it does not happen");
}

/// The next message of a subscription, read.
pub async fn next<T: DeserializeOwned>(subscriber: &mut Subscriber) -> T {
    let message = timeout(PATIENCE, subscriber.next()).await.expect("nothing comes").unwrap();
    serde_json::from_slice(&message.payload).unwrap()
}

/// The next word of a file that failed, answered as a node does.
pub async fn failure(world: &World, words: &mut Subscriber) -> FileFailed {
    let told = timeout(PATIENCE, words.next()).await.expect("nothing comes").unwrap();
    let answers = told.reply.expect("no answer is asked for");
    assert!(subject::is_media_answers(&answers), "{answers}");
    world.client.publish(answers, Bytes::new()).await.unwrap();
    serde_json::from_slice(&told.payload).unwrap()
}

pub fn node() -> NodeId {
    NodeId::parse("node-1").unwrap()
}

pub fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

pub fn job(media_id: &str) -> MediaJob {
    MediaJob {
        media_id: media_id.to_owned(),
        room: room("general"),
        author: User { user_id: "u-1".into(), username: "Ada".into() },
        filename: Some("../a cat.png".to_owned()),
        object: media_id.to_owned(),
        node: Some(node()),
        socket: Some(7),
    }
}
