//! One client that talks, loses its connection, and comes back, as the page does.
//!
//! Owns its task and what it can be told. What it says and records is the [`conversation`]'s, to which
//! node it goes the [`Balancer`](super::balancer::Balancer)'s.

mod backoff;
mod connection;
pub mod conversation;
mod outbox;
mod roster;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::Message;

use self::{
    backoff::Backoff,
    connection::Socket,
    conversation::{Conversation, Heard},
};
use super::{balancer::Balancer, history::History};
use crate::ledger::{Micros, micros};

/// How long the way to an open WebSocket may take, and a write to it.
const IO: Duration = Duration::from_secs(5);

/// What all clients share. One thread: no lock is needed.
#[derive(Debug)]
pub struct Shared {
    pub history: RefCell<History>,
    pub balancer: Rc<Balancer>,
    /// What the history's times are counted from.
    origin: Instant,
    /// Attempts to connect that came to nothing, and the last reason.
    failures: RefCell<(u64, String)>,
}

/// A client; it lives until it is told to leave, or this is dropped.
#[derive(Debug)]
pub struct Client {
    number: usize,
    inner: Rc<Inner>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    conversation: RefCell<Conversation>,
    /// The node to which it is connected.
    node: Cell<Option<usize>>,
    small_window: Cell<bool>,
    deaf: Cell<bool>,
    drop_now: Cell<bool>,
    away: Cell<bool>,
    stay: Cell<Stay>,
    wake: Notify,
    shared: Rc<Shared>,
}

/// How long a client stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    ForEver,
    UntilItsConnectionEnds,
    No,
}

impl Shared {
    #[must_use]
    pub fn new(history: History, balancer: Rc<Balancer>) -> Self {
        let failures = RefCell::default();
        Self { history: history.into(), balancer, origin: Instant::now(), failures }
    }

    /// Now, for the history.
    #[must_use]
    pub fn now(&self) -> Micros {
        micros(self.origin.elapsed())
    }

    /// Attempts to connect that came to nothing, and why the last did.
    #[must_use]
    pub fn failures(&self) -> (u64, String) {
        self.failures.borrow().clone()
    }

    fn failed(&self, why: String) {
        let mut failures = self.failures.borrow_mut();
        *failures = (failures.0 + 1, why);
    }

    fn instant(&self, at: Micros) -> tokio::time::Instant {
        (self.origin + Duration::from_micros(at)).into()
    }
}

impl Client {
    /// Starts a client, which connects by itself. Must be called within a `LocalSet`.
    #[must_use]
    pub fn start(number: usize, conversation: Conversation, shared: Rc<Shared>) -> Self {
        let inner = Rc::new(Inner {
            conversation: conversation.into(),
            node: Cell::new(None),
            small_window: Cell::new(false),
            deaf: Cell::new(false),
            drop_now: Cell::new(false),
            away: Cell::new(false),
            stay: Cell::new(Stay::ForEver),
            wake: Notify::new(),
            shared,
        });
        let task = tokio::task::spawn_local(live(inner.clone()));
        Self { number, inner, task }
    }

    /// Its number in the history.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Has it say something in a room, by its own number of it. What it cannot take is counted.
    pub fn say(&self, place: usize) {
        let due = self.inner.shared.now();
        if !self.inner.conversation.borrow_mut().say(place, due) {
            self.inner.shared.history.borrow_mut().unsendable();
        }
        self.inner.wake.notify_one();
    }

    /// Tells its conversation something.
    pub fn tell(&self, what: impl FnOnce(&mut Conversation)) {
        what(&mut self.inner.conversation.borrow_mut());
        self.inner.wake.notify_one();
    }

    /// Looks at its conversation.
    pub fn look<T>(&self, at: impl FnOnce(&Conversation) -> T) -> T {
        at(&self.inner.conversation.borrow())
    }

    /// The node to which it is connected.
    #[must_use]
    pub fn node(&self) -> Option<usize> {
        self.inner.node.get()
    }

    /// Has its next connection take little before it is read.
    pub fn narrow(&self, small_window: bool) {
        self.inner.small_window.set(small_window);
    }

    /// Drops its connection and comes back at once.
    pub fn drop_connection(&self) {
        self.inner.drop_now.set(true);
        self.inner.wake.notify_one();
    }

    /// Drops its connection and stays away, or comes back.
    pub fn absent(&self, away: bool) {
        self.inner.away.set(away);
        self.inner.wake.notify_one();
    }

    /// Whether it is there to say something.
    #[must_use]
    pub fn is_able(&self) -> bool {
        self.stays() && !self.inner.deaf.get() && !self.inner.away.get()
    }

    /// Stops reading its socket, or goes on.
    pub fn deafen(&self, deaf: bool) {
        self.inner.deaf.set(deaf);
        self.inner.wake.notify_one();
    }

    /// Leaves for good.
    pub fn leave(&self) {
        self.inner.stay.set(Stay::No);
        self.inner.wake.notify_one();
    }

    /// Does not come back when its connection ends.
    pub fn leave_with_its_connection(&self) {
        self.inner.stay.set(Stay::UntilItsConnectionEnds);
    }

    /// Whether it will be there at the end.
    #[must_use]
    pub fn stays(&self) -> bool {
        self.inner.stay.get() == Stay::ForEver
    }

    /// Whether its task has ended.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn live(inner: Rc<Inner>) {
    let shared = inner.shared.clone();
    let mut backoff = Backoff::default();
    while inner.stay.get() != Stay::No {
        if inner.away.get() {
            inner.wake.notified().await;
            continue;
        }
        let node = shared.balancer.next();
        let opening = connection::open(shared.balancer.url(node), inner.small_window.get());
        let ended = match timeout(IO, opening).await {
            Ok(Ok(socket)) => {
                inner.node.set(Some(node));
                let ended = converse(&inner, socket).await;
                inner.node.set(None);
                ended
            }
            Ok(Err(error)) => Ended { why: format!("{error:#}"), well: false },
            Err(_) => Ended { why: format!("no WebSocket within {IO:?}"), well: false },
        };
        if inner.stay.get() == Stay::UntilItsConnectionEnds && ended.well {
            break;
        }
        if inner.drop_now.take() || inner.away.get() {
            continue;
        }
        if ended.well {
            backoff.reset();
        } else {
            shared.failed(ended.why);
        }
        sleep(backoff.wait()).await;
    }
    inner.conversation.borrow_mut().end(&mut shared.history.borrow_mut());
}

/// How a connection ended.
struct Ended {
    why: String,
    /// It had been of use.
    well: bool,
}

/// Receives and sends until the connection ends, or the client has enough of it.
async fn converse(inner: &Inner, mut socket: Socket) -> Ended {
    let shared = &inner.shared;
    let mut well = false;
    let mut patience: Micros = micros(IO);
    let mut heard_at = shared.now();
    let why = loop {
        let mut out = Vec::new();
        let due = inner.conversation.borrow().due();
        let silent_until = heard_at + patience;
        let wake_at = shared.instant(due.map_or(silent_until, |due| due.min(silent_until)));
        let deaf = inner.deaf.get();
        tokio::select! {
            frame = socket.next(), if !deaf => match frame {
                Some(Ok(Message::Text(text))) => {
                    heard_at = shared.now();
                    let mut conversation = inner.conversation.borrow_mut();
                    let mut history = shared.history.borrow_mut();
                    match conversation.hear(&text, heard_at, &mut history, &mut out) {
                        Heard::Opened(millis) => patience = millis * 1_000,
                        Heard::GoOn | Heard::Ping => {}
                        Heard::End(why) => break why,
                    }
                }
                Some(Ok(Message::Close(_))) | None => break "closed by the server".to_owned(),
                Some(Ok(_)) => {}
                Some(Err(error)) => break error.to_string(),
            },
            () = inner.wake.notified() => {}
            () = sleep_until(wake_at), if !deaf => {}
        }
        if inner.drop_now.get() || inner.away.get() || inner.stay.get() == Stay::No {
            break "dropped by the client".to_owned();
        }
        let now = shared.now();
        if inner.deaf.get() {
            heard_at = now;
            continue;
        }
        if now > heard_at + patience {
            break "the server is silent".to_owned();
        }
        inner.conversation.borrow_mut().act(now, &mut shared.history.borrow_mut(), &mut out);
        well |= inner.conversation.borrow().is_settled();
        match timeout(IO, write(&mut socket, out)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => break error.to_string(),
            Err(_) => break format!("the server has not read for {IO:?}"),
        }
    };
    // Closed before it counts as lost, so that what is recorded next belongs to another connection.
    drop(socket);
    inner.conversation.borrow_mut().lost(shared.now(), &mut shared.history.borrow_mut());
    Ended { why, well }
}

async fn write(
    socket: &mut Socket,
    frames: Vec<String>,
) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    for frame in frames {
        socket.send(Message::text(frame)).await?;
    }
    Ok(())
}
