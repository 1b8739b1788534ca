//! Signs of life over core NATS.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{NodeId, WorkerId};

/// How often a node or worker says that it lives.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(500);
/// A process unheard of for this long is taken for dead.
pub const DEAD_AFTER: Duration = Duration::from_secs(3);

/// `hb.node.<id>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeHeartbeat {
    pub node: NodeId,
    /// The last beat of a node that goes in good order.
    #[serde(default)]
    pub leaving: bool,
}

/// `hb.worker.<id>`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHeartbeat {
    pub worker: WorkerId,
    /// The last beat of a worker that goes in good order.
    #[serde(default)]
    pub leaving: bool,
}
