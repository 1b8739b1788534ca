//! The whole system on one machine: NATS, S3, nodes and workers, in this process.

use std::fs::File;
use std::path::Path;

use anyhow::{Context as _, ensure};
use futures_util::future::{join_all, select_all, try_join_all};
use service_shell::{BadConfiguration, NatsArgs, WebUrl};
use wire::NatsRole;

use crate::data_folder::DataFolder;
use crate::listeners::Listeners;
use crate::nats::Nats;
use crate::nats_process::NatsProcess;
use crate::s3::S3;
use crate::slot::Slot;
use crate::stack_options::{MEDIA_PORT_OFFSET, StackOptions};
use crate::{file_lock, jwt_secret, launch, open_files};

/// A running system; dropping it kills what runs and removes a temporary data folder.
///
/// Fields are dropped in this order, so that services go before what they use.
#[derive(Debug)]
pub struct Stack {
    nodes: Vec<Slot>,
    workers: Vec<Slot>,
    media: Slot,
    s3: S3,
    nats: Nats,
    jwt_secret: String,
    /// Held while the stack uses the folder.
    turn: File,
    data: DataFolder,
}

impl Stack {
    /// Starts everything and waits until every node and worker is ready: a client can connect and chat.
    ///
    /// # Errors
    /// [`BadConfiguration`] for a port or data folder in use, a missing page, and what
    /// [`Nats::start`] names; otherwise what failed to start, by its name.
    pub async fn start(options: StackOptions) -> anyhow::Result<Self> {
        check(&options)?;
        open_files::raise_limit();
        let listeners = Listeners::bind(&options).await?;
        let data = match &options.data {
            Some(folder) => DataFolder::kept(folder)?,
            None => DataFolder::temporary()?,
        };
        let turn = lock(data.path())?;
        let jwt_secret = jwt_secret::read_or_make(&data.path().join("jwt-secret"))?;
        let (url, keys) = (options.nats_url.as_deref(), options.nats_keys.as_deref());
        let nats = Nats::start(url, keys, &data.path().join("nats")).await?;
        let path = std::env::var_os("PATH").unwrap_or_default();
        let s3 = S3::start(&options.s3, &data.path().join("s3"), &path).await?;

        let media_url = WebUrl::from(listeners.media.local_addr()?);
        let media = launch::media_worker(listeners.media, &nats, &s3, &options, &jwt_secret)?;
        let workers = listeners.workers.into_iter().enumerate();
        let workers =
            workers.map(|(index, listener)| launch::fanout_worker(index, listener, &nats));
        let workers = workers.collect::<anyhow::Result<Vec<Slot>>>()?;
        let nodes = listeners.nodes.into_iter().enumerate();
        let nodes = nodes.map(|(index, listener)| {
            let media = media_url.clone();
            launch::connection_node(index, listener, &nats, &s3, media, &options, &jwt_secret)
        });
        let nodes = nodes.collect::<anyhow::Result<Vec<Slot>>>()?;

        let stack = Self { nodes, workers, media, s3, nats, jwt_secret, turn, data };
        stack.ready().await?;
        Ok(stack)
    }

    /// Waits until every node and worker is ready, as it was at the start: for use after a failure.
    ///
    /// # Errors
    /// The first that does not become ready within 30 s, ends before, or does not run.
    pub async fn ready(&self) -> anyhow::Result<()> {
        let slots = self.nodes.iter().chain(&self.workers).chain([&self.media]);
        try_join_all(slots.map(Slot::ready)).await.map(drop)
    }

    /// How many nodes there are, running or not.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The base URL of node `index`, from 0.
    ///
    /// # Panics
    /// When there is no such node, as in the other methods that take an index.
    pub fn node_url(&self, index: usize) -> String {
        self.nodes[index].url()
    }

    /// How many fan-out workers there are, running or not.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// The base URL of worker `index`, for its health and metrics.
    pub fn worker_url(&self, index: usize) -> String {
        self.workers[index].url()
    }

    /// The base URL of the media worker.
    pub fn media_url(&self) -> String {
        self.media.url()
    }

    /// The URL of NATS.
    pub fn nats_url(&self) -> String {
        self.nats.url()
    }

    /// How `role` gets into NATS.
    ///
    /// # Errors
    /// [`BadConfiguration`] for a malformed URL.
    pub fn nats_args(&self, role: NatsRole) -> Result<NatsArgs, BadConfiguration> {
        self.nats.args(role)
    }

    /// Where NATS is, without a user and password.
    pub fn nats_place(&self) -> String {
        self.nats.place()
    }

    /// The S3 server.
    pub fn s3(&self) -> &S3 {
        &self.s3
    }

    /// The secret that tokens are signed with (HS256).
    pub fn jwt_secret(&self) -> &str {
        &self.jwt_secret
    }

    /// The folder of its data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Stops a node as a deploy does: it drains first.
    pub async fn stop_node(&mut self, index: usize) -> anyhow::Result<()> {
        self.nodes[index].stop().await
    }

    /// Ends a node as SIGKILL would.
    pub async fn kill_node(&mut self, index: usize) {
        self.nodes[index].kill().await;
    }

    /// Starts a node that was stopped or killed, on the same port, and waits until it is ready.
    pub async fn start_node(&mut self, index: usize) -> anyhow::Result<()> {
        self.nodes[index].start_again().await
    }

    /// Stops a worker as a deploy does: it gives its partitions away.
    pub async fn stop_worker(&mut self, index: usize) -> anyhow::Result<()> {
        self.workers[index].stop().await
    }

    /// Ends a worker as SIGKILL would.
    pub async fn kill_worker(&mut self, index: usize) {
        self.workers[index].kill().await;
    }

    /// Starts a worker that was stopped or killed, on the same port, and waits until it is ready.
    pub async fn start_worker(&mut self, index: usize) -> anyhow::Result<()> {
        self.workers[index].start_again().await
    }

    /// Kills nats-server; [`Stack::restart_nats`] brings it back.
    pub fn kill_nats(&mut self) -> anyhow::Result<()> {
        self.nats.process()?.kill()
    }

    /// Starts nats-server again on the same port with the same data, stopping it first if it runs.
    pub async fn restart_nats(&mut self) -> anyhow::Result<()> {
        self.nats.process()?.restart().await
    }

    /// The nats-server process.
    ///
    /// # Errors
    /// When it is somebody else's.
    pub fn nats_process(&mut self) -> anyhow::Result<&mut NatsProcess> {
        self.nats.process()
    }

    /// Waits until something ends that nobody asked to, and says what in one sentence.
    pub async fn failed(&mut self) -> anyhow::Error {
        let slots = self.nodes.iter().chain(&self.workers).chain([&self.media]);
        let services = select_all(slots.map(|slot| Box::pin(slot.ended())));
        tokio::select! {
            (error, ..) = services => error,
            error = self.nats.ended() => error,
            error = self.s3.ended() => error,
        }
    }

    /// Stops everything: nodes first, which drain, then the workers, then S3 and NATS.
    ///
    /// # Errors
    /// The first failure; the rest is stopped all the same.
    pub async fn stop(self) -> anyhow::Result<()> {
        let Self { mut nodes, mut workers, mut media, s3, nats, turn, data, .. } = self;
        let mut outcomes = join_all(nodes.iter_mut().map(Slot::stop)).await;
        outcomes.extend(join_all(workers.iter_mut().map(Slot::stop)).await);
        outcomes.push(media.stop().await);
        outcomes.push(s3.stop().await);
        outcomes.push(nats.stop().await);
        drop((turn, data));
        outcomes.into_iter().collect()
    }
}

fn check(options: &StackOptions) -> anyhow::Result<()> {
    ensure!(
        options.nodes > 0 && options.workers > 0,
        "a stack has one node and one worker at least"
    );
    if options.base_port.is_some() && options.nodes > usize::from(MEDIA_PORT_OFFSET) {
        let sentence =
            format!("at most {MEDIA_PORT_OFFSET} nodes fit before the media worker's port");
        return Err(BadConfiguration(sentence).into());
    }
    if !options.public.is_dir() {
        let sentence = format!(
            "there is no folder {}: name the page's folder with --public",
            options.public.display()
        );
        return Err(BadConfiguration(sentence).into());
    }
    Ok(())
}

/// Keeps a second stack out of the same folder, whose servers would spoil each other's files.
fn lock(data: &Path) -> anyhow::Result<File> {
    let file = data.join("lock");
    let handle = File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
    let taken =
        file_lock::take(handle).with_context(|| format!("cannot lock {}", file.display()))?;
    let in_use = || {
        let folder = data.display();
        BadConfiguration(format!(
            "the data folder {folder} is in use by another stack: choose one with --data"
        ))
    };
    Ok(taken.ok_or_else(in_use)?)
}
