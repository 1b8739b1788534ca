//! A real nats-server and workers that can be stopped and killed.

use std::collections::HashMap;
use std::time::Duration;

use async_nats::jetstream::{self, message::PublishMessage};
use async_nats::{Client, ConnectOptions};
use fanout_worker::Config;
use local_stack::data_folder::DataFolder;
use local_stack::nats_process::{NatsOptions, NatsProcess, NatsSettings};
use local_stack::provision::{ProvisionOptions, provision};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::kv::{Lease, lease_key, session_key};
use wire::{PARTITIONS, Partition, RoomName, Seq, WorkerId, subject};

use crate::node::{DEADLINE, Node, impatient};

/// How often a state is looked at that no event announces.
const POLL: Duration = Duration::from_millis(20);

pub struct Stage {
    pub server: NatsProcess,
    pub client: Client,
    pub jetstream: jetstream::Context,
}

impl Stage {
    pub async fn set() -> Self {
        Self::set_with(NatsSettings::default()).await
    }

    /// With more to tell the server.
    pub async fn set_with(settings: NatsSettings) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        let options = NatsOptions { data: DataFolder::temporary().unwrap(), port: None };
        let server = NatsProcess::start_with(options, settings).await.unwrap();
        let client = ConnectOptions::new()
            .reconnect_delay_callback(|_| Duration::from_millis(50))
            .connect(server.url())
            .await
            .unwrap();
        provision(&client, &ProvisionOptions::default()).await.unwrap();
        let jetstream = impatient(&client);
        Self { server, client, jetstream }
    }

    /// A worker with a runtime of its own.
    pub fn worker(&self, name: &str) -> Worker {
        let config =
            Config { worker_id: Some(name.to_owned()), ..Config::local(&self.server.url()) };
        Worker::start(config)
    }

    pub async fn publish(&self, room: &RoomName, body: &str) -> Seq {
        store(&self.jetstream, room, body).await
    }

    /// Who holds the lease of each partition, in a session that lives.
    pub async fn owners(&self) -> Vec<Option<WorkerId>> {
        // With all the patience that a busy machine may need.
        let jetstream = jetstream::new(self.client.clone());
        let bucket = jetstream.get_key_value(wire::stream::RT_BUCKET).await.unwrap();
        let get = async |key| bucket.get(key).await.unwrap().filter(|value| !value.is_empty());
        let mut owners = Vec::with_capacity(PARTITIONS.into());
        let mut live = HashMap::new();
        for partition in Partition::all() {
            let lease = get(lease_key(partition)).await;
            let holder = lease.map(|lease| serde_json::from_slice::<Lease>(&lease).unwrap().worker);
            if let Some(holder) = &holder
                && !live.contains_key(holder)
            {
                live.insert(holder.clone(), get(session_key(holder)).await.is_some());
            }
            owners.push(holder.filter(|holder| live[holder]));
        }
        owners
    }

    /// Waits until the leases are as `met` wants them.
    pub async fn wait_owners(
        &self,
        what: &str,
        met: impl Fn(&[Option<WorkerId>]) -> bool,
    ) -> Vec<WorkerId> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let owners = self.owners().await;
            if met(&owners) {
                return owners.into_iter().flatten().collect();
            }
            assert!(tokio::time::Instant::now() < deadline, "{what} did not happen: {owners:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until a worker of this name owns every partition.
    pub async fn wait_owner_of_all(&self, name: &str) {
        self.wait_owners(&format!("{name} owning all"), |owners| {
            owners.iter().all(|owner| owner.as_ref().is_some_and(|owner| is(owner, name)))
        })
        .await;
    }
}

/// Messages that are stored in rooms, one after the other, until that is stopped.
pub struct Traffic {
    stop: CancellationToken,
    stored: watch::Receiver<HashMap<RoomName, Vec<(Seq, String)>>>,
    task: AbortOnDropHandle<()>,
}

impl Traffic {
    /// Lets `node` follow `rooms`, starts, and waits until each room has had a message.
    pub async fn start(stage: &Stage, node: &Node, rooms: &[RoomName]) -> Self {
        for room in rooms {
            node.join(room).await;
        }
        let stop = CancellationToken::new();
        let (show, stored) = watch::channel(HashMap::new());
        let (jetstream, rooms, stopped) = (stage.jetstream.clone(), rooms.to_vec(), stop.clone());
        let task = async move {
            for n in 0.. {
                if stopped.is_cancelled() {
                    return;
                }
                let (room, body) = (&rooms[n % rooms.len()], crate::body(n));
                let seq = store(&jetstream, room, &body).await;
                show.send_modify(|stored: &mut HashMap<RoomName, Vec<_>>| {
                    stored.entry(room.clone()).or_default().push((seq, body));
                });
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let mut traffic = Self { stop, stored, task: AbortOnDropHandle::new(tokio::spawn(task)) };
        traffic.wait_more(node, 1).await;
        traffic
    }

    /// Waits until so many more messages were stored, and `node` has emitted all that were before.
    pub async fn wait_more(&mut self, node: &Node, more: usize) {
        let total =
            |stored: &HashMap<RoomName, Vec<_>>| stored.values().map(Vec::len).sum::<usize>();
        let goal = total(&self.stored.borrow()) + more;
        let waiting = self.stored.wait_for(|stored| total(stored) >= goal);
        let stored = tokio::time::timeout(DEADLINE, waiting)
            .await
            .expect("traffic goes on")
            .unwrap()
            .clone();
        node.wait("what was stored", |seen| {
            stored.iter().all(|(room, all)| seen.rooms[room].emitted.len() >= all.len())
        })
        .await;
    }

    /// Stops, and checks that `node` emits exactly what was stored, in order.
    pub async fn stop_and_check(mut self, node: &Node) {
        self.wait_more(node, 1).await;
        self.stop.cancel();
        self.task.await.unwrap();
        let stored = self.stored.borrow().clone();
        let seen = node
            .wait("everything", |seen| {
                stored.iter().all(|(room, all)| seen.rooms[room].emitted.len() >= all.len())
            })
            .await;
        for (room, all) in &stored {
            assert_eq!(&seen.rooms[room].emitted, all, "{room}");
        }
        let total = stored.values().map(Vec::len).sum::<usize>();
        println!("{total} messages, {} gaps repaired, {} miscounted", seen.gaps, seen.miscounted);
    }
}

/// Stores a message as a node does: again with the same id until it is known to be stored.
async fn store(jetstream: &jetstream::Context, room: &RoomName, body: &str) -> Seq {
    let id = uuid::Uuid::new_v4().to_string();
    loop {
        let message = PublishMessage::build().payload(body.to_owned().into()).message_id(&id);
        let sent = jetstream.send_publish(subject::message(room), message).await;
        if let Ok(sent) = sent
            && let Ok(ack) = sent.await
        {
            return ack.sequence;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Whether `worker` is a run of the worker called `name`.
pub fn is(worker: &WorkerId, name: &str) -> bool {
    worker.as_str().rsplit_once('-').is_some_and(|(of, _)| of == name)
}

/// How many threads each worker has.
const THREADS: usize = 2;

/// A worker that stands still; it goes on when this is dropped.
pub struct Paused {
    _hold: Vec<std::sync::mpsc::Sender<()>>,
}

pub struct Worker {
    runtime: Option<Runtime>,
    shutdown: CancellationToken,
    task: Option<tokio::task::JoinHandle<anyhow::Result<()>>>,
    address: std::net::SocketAddr,
}

impl Worker {
    pub fn start(config: Config) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_all()
            .build()
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let task = runtime.spawn(async move {
            fanout_worker::run(config, TcpListener::from_std(listener).unwrap(), stop).await
        });
        Self { runtime: Some(runtime), shutdown, task: Some(task), address }
    }

    /// Waits until it says that it takes its part.
    pub async fn wait_ready(&self) {
        self.wait_status("/readyz", 200).await;
    }

    /// Waits until `path` answers with `status`.
    pub async fn wait_status(&self, path: &str, status: u16) {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let answer = self.get(path).await.unwrap_or_default();
            if answer.starts_with(&format!("HTTP/1.1 {status} ")) {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{path} does not turn {status}: {answer}"
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until the series called `name`, with its labels, is as `met` wants it; says its value.
    pub async fn wait_metric(&self, name: &str, met: impl Fn(u64) -> bool) -> u64 {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let answer = self.get("/metrics").await.unwrap_or_default();
            let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value: Option<u64> = line.and_then(|value| value.parse().ok());
            if let Some(value) = value.filter(|value| met(*value)) {
                return value;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{name} is {value:?} and stays so:\n{answer}"
            );
            tokio::time::sleep(POLL).await;
        }
    }

    pub async fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }

    /// Waits until it ends by itself.
    pub async fn ended(mut self) -> anyhow::Result<()> {
        let task = self.task.take().unwrap();
        tokio::time::timeout(DEADLINE, task).await.expect("the worker ends").unwrap()
    }

    /// Nothing of it moves any more, as with SIGSTOP.
    pub async fn pause(&self) -> Paused {
        let runtime = self.runtime.as_ref().unwrap();
        let (stands, mut standing) = tokio::sync::mpsc::channel(THREADS);
        let hold = |_| {
            let (hold, released) = std::sync::mpsc::channel::<()>();
            let stands = stands.clone();
            runtime.spawn(async move {
                stands.try_send(()).unwrap();
                // Blocks the thread until the other end is dropped.
                let _ = released.recv();
            });
            hold
        };
        let hold = (0..THREADS).map(hold).collect();
        for _ in 0..THREADS {
            standing.recv().await.unwrap();
        }
        Paused { _hold: hold }
    }

    /// Everything of it is gone at once, as with SIGKILL.
    pub fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Ends it in good order; how `run` ended.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        self.ended().await
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
