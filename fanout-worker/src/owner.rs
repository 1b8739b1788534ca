//! Owns one partition for one tenure: reads its log and its nodes' words, feeds the core, sends what
//! the core wants sent, and stops the moment the right to act is gone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::header::{NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, NATS_MESSAGE_TTL, NATS_ROLLUP};
use async_nats::{HeaderMap, Subscriber};
use futures_util::StreamExt as _;
use service_shell::telemetry::Span;
use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use wire::ephemeral::{FromNode, Interest};
use wire::kv::Epoch;
use wire::stream::LEFT_TTL;
use wire::{NodeId, Partition, Seq, subject};

use crate::census::{Question, Questions};
use crate::checkpoint;
use crate::fence::Fence;
use crate::liveness::View;
use crate::log::{self, LogReader};
use crate::membership::Membership;
use crate::metrics::{Holdings, Metrics, Share};
use crate::nats::Nats;
use crate::outbox::Batch;
use crate::partition::{Effect, Input, PartitionCore, Timing};

/// Before a tenure that could not begin is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// How long a drain waits for what was handled to be sent. What is not by then is read again by the
/// next owner.
const DRAIN_WAIT: Duration = Duration::from_secs(2);
/// A tenure reads again this much of the stream before its checkpoint: in a cluster the replica that
/// answers may not have stored yet what was there when the checkpoint was written. Nodes drop what
/// they have.
const OVERLAP: Seq = 1_024;

/// What every owner of this worker shares.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub nats: Nats,
    pub outbox: mpsc::Sender<Batch>,
    pub nodes: watch::Receiver<Arc<View<NodeId>>>,
    pub metrics: Arc<Metrics>,
    pub questions: Questions,
    pub timing: Timing,
    pub log: LogReader,
}

/// One tenure, as the coordinator gives and ends it.
#[derive(Debug, Clone)]
pub struct Tenure {
    pub partition: Partition,
    pub epoch: Epoch,
    /// The right to act.
    pub fence: Fence,
    /// Cancelled to make the owner finish what it has begun.
    pub drain: CancellationToken,
}

/// How a tenure ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything handled was sent, and the checkpoint says so.
    Drained,
    /// The right to act was gone.
    Fenced,
    /// A reader ended that should not have.
    Failed,
}

/// Serves the tenure to its end.
pub async fn own(surroundings: Surroundings, tenure: Tenure) -> End {
    let beginning = tokio::select! {
        beginning = Beginning::read(&surroundings.nats, &tenure) => beginning,
        () = tenure.fence.stopped() => return End::Fenced,
        () = tenure.drain.cancelled() => return End::Drained,
    };
    let (partition, epoch) = (tenure.partition, tenure.epoch);
    tracing::debug!(%partition, epoch, from = beginning.followed_from, "owning a partition");
    let fence = tenure.fence.clone();
    let serving = async {
        let log = surroundings.log.follow(partition, beginning.followed_from + 1).await;
        Owner::begin(surroundings, tenure, beginning, log).serve().await
    };
    tokio::select! {
        end = serving => end,
        () = fence.stopped() => End::Fenced,
    }
}

/// What must be known before the first record is handled.
struct Beginning {
    words: Subscriber,
    /// Of the checkpoint.
    revision: u64,
    /// Up to where an earlier owner has come.
    resumed: Seq,
    membership: Membership,
    followed_from: Seq,
}

impl Beginning {
    /// Reads it, however long that takes.
    async fn read(nats: &Nats, tenure: &Tenure) -> Self {
        let mut complained = false;
        loop {
            match Self::try_read(nats, tenure.partition).await {
                Ok(beginning) => return beginning,
                Err(error) => {
                    if !complained {
                        tracing::warn!(partition = %tenure.partition, "cannot begin, trying on: {error:#}");
                        complained = true;
                    }
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn try_read(nats: &Nats, partition: Partition) -> anyhow::Result<Self> {
        // Before anything that makes nodes talk.
        let words = nats.client.subscribe(subject::ephemeral(partition)).await?;
        let stored = checkpoint::read(nats, partition).await?;
        let end = log::end(nats).await?;
        let membership = log::membership(nats, partition).await;
        let (resumed, followed_from) = if let Some(checkpoint) = stored.checkpoint {
            // A log that was set back begins at what is left of it.
            let resumed = checkpoint.seq.min(end);
            (resumed, resumed.saturating_sub(OVERLAP))
        } else {
            // Nodes may have come before any worker did: what they wait for is after their records.
            let from = membership.oldest_record().map_or(end, |oldest| oldest.min(end));
            (from, from)
        };
        Ok(Self { words, revision: stored.revision, resumed, membership, followed_from })
    }
}

struct Owner {
    surroundings: Surroundings,
    tenure: Tenure,
    core: PartitionCore,
    words: Subscriber,
    log: mpsc::Receiver<log::Batch>,
    /// Of the batch that is handled.
    spans: Vec<Span>,
    share: Share,
    losses: watch::Receiver<u64>,
    asked: broadcast::Receiver<Question>,
    /// Up to where everything was sent.
    progress: watch::Sender<Seq>,
    finish: CancellationToken,
    keeper: AbortOnDropHandle<()>,
    unreadable: bool,
}

impl Owner {
    fn begin(
        surroundings: Surroundings,
        tenure: Tenure,
        beginning: Beginning,
        log: mpsc::Receiver<log::Batch>,
    ) -> Self {
        let Beginning { words, revision, resumed, membership, followed_from } = beginning;
        let nats = &surroundings.nats;
        let own = (tenure.partition, tenure.epoch);
        let nodes = surroundings.nodes.borrow().clone();
        let timing = surroundings.timing;
        let core =
            PartitionCore::new(own, membership, followed_from, nodes, timing, Instant::now());
        let (progress, progressed) = watch::channel(followed_from);
        let finish = CancellationToken::new();
        let keeping =
            checkpoint::keep(nats.clone(), own, (revision, resumed), progressed, finish.clone());
        Self {
            losses: nats.losses.clone(),
            asked: surroundings.questions.subscribe(),
            spans: Vec::new(),
            share: Share::new(surroundings.metrics.clone()),
            surroundings,
            tenure,
            core,
            words,
            log,
            progress,
            finish,
            keeper: AbortOnDropHandle::new(tokio::spawn(keeping)),
            unreadable: false,
        }
    }

    async fn serve(mut self) -> End {
        let mut input = Input::Wake;
        loop {
            let now = Instant::now();
            // A process that was paused wakes up here, before it sends anything.
            if !self.tenure.fence.permits(now) {
                return End::Fenced;
            }
            let before = self.core.processed();
            let effects = self.core.handle(input, now);
            self.tell_holdings();
            self.carry_out(effects, self.core.processed() > before).await;
            input = loop {
                match self.next().await {
                    Next::Input(input) => break input,
                    Next::Asked(question) => question.answer(&self.core),
                    Next::Drain => return self.drain().await,
                    Next::Failed => return End::Failed,
                }
            };
        }
    }

    async fn next(&mut self) -> Next {
        let wake = self.core.next_wake().map(tokio::time::Instant::from_std);
        tokio::select! {
            () = self.tenure.drain.cancelled() => Next::Drain,
            batch = self.log.recv() => match batch {
                Some(batch) => Next::Input(self.take(batch)),
                None => Next::Failed,
            },
            word = self.words.next() => match word {
                Some(word) => Next::Input(self.read(&word.payload)),
                None => Next::Failed,
            },
            Ok(()) = self.surroundings.nodes.changed() => {
                let nodes = self.surroundings.nodes.borrow_and_update().clone();
                Next::Input(Input::Nodes(nodes))
            }
            Ok(()) = self.losses.changed() => Next::Input(Input::Reconnected),
            Ok(question) = self.asked.recv() => Next::Asked(question),
            () = tokio::time::sleep_until(wake.unwrap_or_else(tokio::time::Instant::now)), if wake.is_some() => {
                Next::Input(Input::Wake)
            }
        }
    }

    fn take(&mut self, log::Batch { records, spans }: log::Batch) -> Input {
        self.spans = spans;
        self.surroundings.metrics.log_records.inc_by(records.len() as u64);
        Input::Log(records)
    }

    fn tell_holdings(&mut self) {
        let (rooms, room_nodes, roster_users) = self.core.size();
        self.share.set(Holdings { rooms, room_nodes, roster_users });
    }

    fn read(&mut self, payload: &[u8]) -> Input {
        match serde_json::from_slice::<FromNode>(payload) {
            Ok(word) => Input::Said(word),
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    let partition = self.tenure.partition;
                    tracing::warn!(%partition, "a node says what cannot be read, now and maybe again: {error}");
                }
                Input::Wake
            }
        }
    }

    async fn carry_out(&mut self, effects: Vec<Effect>, progressed: bool) {
        let mut items = Vec::with_capacity(effects.len());
        let mut patient = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send { node, item, patient: false } => items.push((node, item)),
                Effect::Send { node, item, patient: true } => patient.push((node, item)),
                Effect::RemoveInterest { room, node, joined } => {
                    let removal =
                        remove_interest(&self.surroundings.nats, &room, &node, joined).await;
                    if let Err(error) = removal {
                        self.surroundings.metrics.publish_failures.inc();
                        tracing::warn!(%room, %node, "cannot remove a dead node's interest: {error:#}");
                    }
                }
            }
        }
        let spans = std::mem::take(&mut self.spans);
        let passed = progressed.then(|| (self.progress.clone(), self.core.processed()));
        if items.is_empty() && patient.is_empty() && passed.is_none() {
            return;
        }
        let waiting = self.surroundings.metrics.waiting_batch();
        let fence = self.tenure.fence.clone();
        let batch = Batch { items, patient, fence, passed, waiting, spans };
        // Refused only when the worker is gone altogether.
        let _ = self.surroundings.outbox.send(batch).await;
    }

    async fn drain(self) -> End {
        let Self { log, words, progress, core, finish, keeper, .. } = self;
        drop((log, words));
        let handled = core.processed();
        let mut progressed = progress.subscribe();
        let sending = progressed.wait_for(|seq| *seq >= handled);
        let sent = matches!(tokio::time::timeout(DRAIN_WAIT, sending).await, Ok(Ok(_)));
        finish.cancel();
        let kept = keeper.await;
        if sent && kept.is_ok() { End::Drained } else { End::Failed }
    }
}

enum Next {
    Input(Input),
    Asked(Question),
    Drain,
    Failed,
}

/// Writes that `node` left `room`, unless it has said anything since its record at `joined`. Nobody
/// waits for an answer: the log shows the record, or the core asks again.
async fn remove_interest(
    nats: &Nats,
    room: &wire::RoomName,
    node: &NodeId,
    joined: Seq,
) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, joined.to_string().as_str());
    headers.insert(NATS_ROLLUP, "sub");
    headers.insert(NATS_MESSAGE_TTL, LEFT_TTL.as_secs().to_string().as_str());
    let payload = serde_json::to_vec(&Interest::Left)?;
    let subject = subject::interest(room, node);
    nats.client.publish_with_headers(subject, headers, payload.into()).await?;
    Ok(())
}
