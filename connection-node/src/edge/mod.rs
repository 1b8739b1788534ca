//! The edge: everything between a client's TCP connection and Socket.IO's packets.
//!
//! It accepts connections, speaks HTTP/1.1, answers WebSocket upgrades itself and hands the bare
//! stream to socketioxide, so that the node owns every stream: it can count bytes, end a client
//! that has stopped reading, and close a transport in the way that makes a Socket.IO client
//! reconnect. Long-polling passes through socketioxide's HTTP service under the same rules. What
//! does not lie under `/socket.io` goes to the axum application.
//!
//! What the edge leaves to others: who a client is, what it says, and why it is to be closed.
//!
//! | file | owns |
//! | --- | --- |
//! | `config` | the settings, and socketioxide built with all of them |
//! | `serve` | the accept loop, one task a connection |
//! | `dispatch` | which request goes where, and under which origin |
//! | `opening` | the request that opens a session, as it is kept with it |
//! | `upgrade` | RFC 6455's opening handshake, and the way from hyper's stream to ours |
//! | `polling` | Engine.IO's HTTP transport: open, GET, POST |
//! | `encoding` | answers to polls, compressed |
//! | `packets` | how many packets a polling body may hold, and their portions |
//! | `transport` | the handle by which the node sees and closes one client's transport |
//! | `backlog` | what waits for one client, in bytes |
//! | `close_reason` | why transports end |
//! | `intake` | what one client may send, before it is authenticated and after |
//! | `frames` | how long a WebSocket's frames say that they are |
//! | `portions` | a large frame as the fragments that it is handed on in |
//! | `headers` | what every answer tells browsers |
//! | `stream` | the WebSocket stream that obeys that handle |
//! | `traffic` | what has gone through transports, in numbers |
//! | `lane` | the way of ready frames to a client past socketioxide, and their order with what that writes |
//! | `deflate` | permessage-deflate: offers, compressed frames, and inflating under a cap |
//! | `passing` | what socketioxide writes, as it passes by |
//! | `frame` | WebSocket frames as a server sends them |
//! | `standing` | among whom a TCP connection is counted |
//! | `registry` | which transports are open, and which Engine.IO session each serves |
//! | `drain` | closing all of them, paced, and the end of every task |
//! | `query` | the parameters of a request |
//! | `origin` | the allowed origins |
//! | `refusal` | the answers to what is refused |
//! | `fuzzing` | ways into the parsers, in the fuzzer's build alone |

mod backlog;
mod close_reason;
mod config;
mod deflate;
mod dispatch;
mod drain;
mod encoding;
mod frame;
mod frames;
#[cfg(fuzzing)]
pub mod fuzzing;
mod headers;
mod intake;
mod lane;
mod opening;
mod origin;
mod packets;
mod passing;
mod polling;
mod portions;
mod query;
mod refusal;
mod registry;
mod serve;
mod standing;
mod stream;
mod traffic;
mod transport;
mod upgrade;

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use backlog::Outgoing;
pub use close_reason::CloseReason;
pub use config::{EdgeConfig, IoService, build, builder};
pub use deflate::deflated_frame;
pub use frame::text_frame;
pub use intake::Intake;
pub use lane::Way;
pub use origin::{InvalidOrigin, Origins};
pub use refusal::REFUSAL_NAMES;
pub use serve::serve;
pub use traffic::Traffic;
pub use transport::Transport;

use intake::{Budget, IntakeBounds};
use refusal::{Refusal, Refusals};
use registry::Registry;

use crate::limits::{AddressGroup, Caller, Limits, Place};

/// The state that all connections of one listener share. It serves one [`serve`] call: once
/// drained, it stays so.
pub struct Edge {
    config: EdgeConfig,
    registry: Arc<Registry>,
    bounds: IntakeBounds,
    refusals: Refusals,
    /// Every task the edge spawned, and every WebSocket stream that socketioxide holds.
    tasks: TaskTracker,
    /// Every session that socketioxide, or the code of a session, still holds.
    sessions: TaskTracker,
    /// Asks HTTP connections to finish the request at hand and close.
    finish: CancellationToken,
    /// Ends what has not finished in time.
    abort: CancellationToken,
}

impl Edge {
    /// An edge with no connection yet.
    pub fn new(config: EdgeConfig) -> Arc<Self> {
        let bounds = IntakeBounds {
            first_payload: config.first_payload,
            max_payload: config.max_payload,
            budget: Budget::new(config.inbound_buffer),
            blown_up: Budget::new(config.max_payload),
            limits: Arc::new(Limits::new(&config.limits)),
        };
        Arc::new(Self {
            registry: Arc::new(Registry::new(config.max_waiting)),
            bounds,
            refusals: Refusals::default(),
            config,
            tasks: TaskTracker::new(),
            sessions: TaskTracker::new(),
            finish: CancellationToken::new(),
            abort: CancellationToken::new(),
        })
    }

    /// How many transports are open: WebSockets, and long-polling sessions whether or not a request
    /// of theirs is pending.
    pub fn connections(&self) -> usize {
        self.registry.len()
    }

    /// What has gone through all transports since the start.
    pub fn traffic(&self) -> Traffic {
        self.registry.traffic()
    }

    /// The limits of its clients.
    pub fn limits(&self) -> &Arc<Limits> {
        &self.bounds.limits
    }

    /// Bytes of messages that are not complete yet.
    pub fn incoming(&self) -> u64 {
        self.bounds.budget.held()
    }

    /// How many requests to Socket.IO were refused, by a name for the reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.refusals.all()
    }

    /// What a client that opens a session may send, unless there are too many of them.
    fn receive(&self, address: AddressGroup) -> Result<Intake, Refusal> {
        let limits = self.limits();
        limits.handshake(address).map_err(Refusal::RateLimited)?;
        let place: Place =
            limits.unauthenticated().enter(address, false).map_err(Refusal::Crowded)?;
        Ok(Intake::new(&self.bounds, Caller::new(address), place))
    }

    /// Bytes that wait for clients, all transports together.
    pub fn waiting(&self) -> u64 {
        self.registry.waiting()
    }

    /// How many transports have ended for each reason.
    pub fn ended(&self) -> [(CloseReason, u64); CloseReason::ALL.len()] {
        self.registry.ended()
    }

    /// How many tasks serve connections, and WebSockets are held.
    pub fn tasks(&self) -> usize {
        self.tasks.len()
    }
}
