//! Reads a stream in order, without gaps, through any trouble.
//!
//! An ephemeral push consumer whose deliveries are numbered: a number left out, a missing heartbeat
//! or a new connection, and another consumer continues from the record after the last one that was
//! handed on. The client library's own ordered consumer starts again at the beginning of the stream
//! when it is recreated before its first delivery, and waits up to 10 s after a longer outage.

use std::time::Duration;

use async_nats::Subject;
use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use wire::Seq;

use self::consumer::{Meaning, Open, Wanted};
use crate::nats::Nats;

mod consumer;

/// Without a word for this long, the consumer is gone.
const SILENCE: Duration = Duration::from_millis(2_500);
/// How long the removal of a consumer that is not needed any more may take; the server does it by
/// itself soon after.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// Where to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// At this sequence. Every trouble continues after the last record.
    Seq(Seq),
    /// With the last record of each subject. Every trouble starts over.
    LastPerSubject,
}

/// What happened next.
#[derive(Debug)]
pub enum Arrival {
    /// A consumer was made. With [`From::LastPerSubject`] everything comes again.
    Opened {
        /// How many records there were for it then.
        pending: u64,
    },
    Record(Record),
    /// The last record of each subject, as of the opening, has come. Only with
    /// [`From::LastPerSubject`].
    CaughtUp,
    /// Nothing has come for a while, and nothing is left out: [`Ordered::start`] has moved on.
    Quiet,
    /// A consumer could not be made; the next call tries again.
    Unopened,
}

/// One stored message.
#[derive(Debug)]
pub struct Record {
    pub subject: Subject,
    pub seq: Seq,
    pub payload: Bytes,
    /// How many more there were when the server sent it.
    pub pending: u64,
    /// Whether it marks that the one before it outlived its time to live.
    pub expired: bool,
    /// The step of a trace that it comes from.
    pub traceparent: Option<String>,
}

/// A reader of some subjects of one stream.
#[derive(Debug)]
pub struct Ordered {
    wanted: Wanted,
    /// Up to where the server has looked for records, when it was silent last.
    searched: Seq,
    losses: watch::Receiver<u64>,
    open: Option<Open>,
    /// A consumer that is being made.
    opening: Option<AbortOnDropHandle<anyhow::Result<(Open, u64)>>>,
    complained: bool,
}

impl Ordered {
    /// Nothing is asked of the server before the first [`Ordered::next`] or [`Ordered::open`]. `filters`
    /// is one, or several that have no subject in common; `purpose` goes into the consumer's name.
    pub fn new(
        nats: &Nats,
        stream: &'static str,
        filters: Vec<String>,
        purpose: String,
        from: From,
    ) -> Self {
        let losses = nats.losses.clone();
        let wanted = Wanted { nats: nats.clone(), stream, filters, purpose, from };
        Self { wanted, searched: 0, losses, open: None, opening: None, complained: false }
    }

    /// Waits for what comes next. A call that is given up in the middle loses nothing.
    pub async fn next(&mut self) -> Arrival {
        loop {
            let Some(open) = &mut self.open else {
                return self.try_open().await;
            };
            if open.behind == Some(0) {
                open.behind = None;
                return Arrival::CaughtUp;
            }
            if let Some(subject) = open.owed.clone() {
                if let Err(error) = self.wanted.nats.client.publish(subject, Bytes::new()).await {
                    tracing::debug!("cannot answer flow control: {error}");
                }
                // Not before: a call that is given up here still owes it.
                open.owed = None;
            }
            let deadline = open.heard + SILENCE;
            tokio::select! {
                // What waits here is no silence, however long it was not looked at.
                biased;
                message = open.subscriber.next() => {
                    if let Some(arrival) = self.take(message) {
                        return arrival;
                    }
                }
                // A server that comes back has forgotten the consumer, or sent into the void.
                _ = self.losses.changed() => self.reopen(),
                () = sleep_until(deadline) => {
                    tracing::debug!(self.wanted.purpose, "a consumer fell silent");
                    self.reopen();
                }
            }
        }
    }

    /// A record that is there already.
    pub fn ready(&mut self) -> Option<Record> {
        loop {
            let open =
                self.open.as_mut().filter(|open| open.owed.is_none() && open.behind != Some(0))?;
            let message = open.subscriber.next().now_or_never()?;
            if let Some(Arrival::Record(record)) = self.take(message) {
                return Some(record);
            }
        }
    }

    /// Gives the consumer up, so that the next call makes another.
    pub fn reopen(&mut self) {
        self.open = None;
        self.opening = None;
    }

    /// Removes the consumer from the server.
    pub async fn close(mut self) {
        self.opening = None;
        if let Some(open) = self.open.take() {
            let jetstream = self.wanted.nats.jetstream.clone();
            let removal = jetstream.delete_consumer_from_stream(&open.name, self.wanted.stream);
            if !matches!(tokio::time::timeout(CLOSE_TIMEOUT, removal).await, Ok(Ok(_))) {
                tracing::debug!(open.name, "left a consumer to the server to remove");
            }
        }
    }

    /// Makes the consumer now; how many records there are for it.
    ///
    /// # Errors
    /// When NATS does not answer, denies it, or has no such stream.
    pub async fn open(&mut self) -> anyhow::Result<u64> {
        self.losses.mark_unchanged();
        let (open, pending) = self.wanted.clone().create().await?;
        self.open = Some(open);
        Ok(pending)
    }

    /// From where another consumer may start: every record before it has been handed on, if it was of
    /// these subjects. 0 with [`From::LastPerSubject`].
    pub fn start(&self) -> Seq {
        match self.wanted.from {
            From::Seq(next) => next.max(self.searched + 1),
            From::LastPerSubject => 0,
        }
    }

    async fn try_open(&mut self) -> Arrival {
        let opening = self.opening.get_or_insert_with(|| {
            self.losses.mark_unchanged();
            // A task, so that a call that is given up does not begin it anew.
            AbortOnDropHandle::new(tokio::spawn(self.wanted.clone().create_or_wait()))
        });
        let opened = opening.await;
        self.opening = None;
        match opened.map_err(Into::into).flatten() {
            Ok((open, pending)) => {
                self.open = Some(open);
                self.complained = false;
                Arrival::Opened { pending }
            }
            Err(error) => {
                if !self.complained {
                    let Wanted { stream, purpose, .. } = &self.wanted;
                    tracing::warn!(stream, purpose, "cannot read, trying on: {error:#}");
                    self.complained = true;
                }
                Arrival::Unopened
            }
        }
    }

    fn take(&mut self, message: Option<async_nats::Message>) -> Option<Arrival> {
        let open = self.open.as_mut()?;
        let meaning = match message {
            Some(message) => {
                open.heard = Instant::now();
                open.read(message, &self.wanted.nats.jetstream)
            }
            None => Meaning::Broken,
        };
        match meaning {
            Meaning::Record(record) => {
                if let From::Seq(next) = &mut self.wanted.from {
                    // A consumer that starts too early repeats; that costs nothing here.
                    if record.seq < *next {
                        return None;
                    }
                    *next = record.seq + 1;
                }
                Some(Arrival::Record(record))
            }
            Meaning::Quiet { searched } => {
                self.searched = searched;
                Some(Arrival::Quiet)
            }
            Meaning::Nothing => None,
            Meaning::Broken => {
                tracing::debug!(
                    self.wanted.purpose,
                    "deliveries are missing, reading again from the log"
                );
                self.reopen();
                None
            }
        }
    }
}
