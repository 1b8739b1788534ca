//! Administration: what administrators ask for in the namespace `/admin`, and what nodes and workers
//! tell each other to carry it out.
//!
//! Shapes only; who is an administrator is the node's to say.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{NodeId, RoomName, Timestamp, WorkerId, client::AdminAnnouncement, escape::escape};

/// The longest reason or announcement, in Unicode scalar values.
pub const MAX_WORDS_CHARS: usize = 1_000;
/// The longest ban that ends by itself, in seconds: ten years.
pub const MAX_BAN_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;
/// Rooms that `stats` names.
pub const LARGEST_ROOMS: usize = 20;

// What administrators send.

/// `broadcast-message`: `{ content }` or the text alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum BroadcastRequest {
    Text(String),
    Full { content: String },
}

impl BroadcastRequest {
    #[must_use]
    pub fn into_content(self) -> String {
        match self {
            Self::Text(content) | Self::Full { content } => content,
        }
    }
}

/// `kick`: ends a user's connections, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KickRequest {
    pub user_id: String,
    /// For the user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// `ban`: ends a user's connections and keeps the user away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BanRequest {
    pub user_id: String,
    /// How long, up to [`MAX_BAN_SECONDS`]; without it until `unban`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds: Option<u64>,
    /// For the user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// `unban`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnbanRequest {
    pub user_id: String,
}

// What they are answered.

/// The ack of `broadcast-message` and `kick`: how far it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success")]
pub struct Reached {
    /// Nodes that have done it.
    pub nodes: usize,
    /// Sockets that it concerned.
    pub sockets: usize,
}

/// The ack of `ban`: kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success", rename_all = "camelCase")]
pub struct Banned {
    pub user_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
}

/// The ack of `stats`: what nodes and workers have counted, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename = "success", rename_all = "camelCase")]
pub struct Stats {
    pub connections: usize,
    pub sockets: usize,
    /// Messages stored, over the last seconds.
    pub messages_per_second: u64,
    /// Events sent to sockets, over the last seconds.
    pub deliveries_per_second: u64,
    /// Records of the log that workers have yet to read.
    pub lag: u64,
    /// Partitions that some worker owns; fewer than all while one is replaced.
    pub partitions: usize,
    /// Those with most users, at most [`LARGEST_ROOMS`].
    pub rooms: Vec<RoomSize>,
    pub nodes: Vec<NodeStats>,
    pub workers: Vec<WorkerStats>,
}

/// How many users a room has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomSize {
    pub room: RoomName,
    pub users: usize,
}

/// `auth-error`: why a connection is about to be ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthError {
    pub message: String,
}

// What nodes and workers tell each other.

/// To every node, on [`crate::subject::ADMIN_ORDER`]; each answers with [`Reached`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum AdminOrder {
    Announce {
        announcement: AdminAnnouncement,
    },
    Kick {
        user_id: Arc<str>,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
    },
}

/// An answer to [`crate::subject::ADMIN_STATS`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum StatsAnswer {
    Node(NodeStats),
    Worker(WorkerStats),
}

/// What one node has counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStats {
    pub node: NodeId,
    pub connections: usize,
    pub sockets: usize,
    pub rooms: usize,
    pub messages_per_second: u64,
    pub deliveries_per_second: u64,
    pub uptime_seconds: u64,
}

/// What one fan-out worker has counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStats {
    pub worker: WorkerId,
    pub partitions: usize,
    pub rooms: usize,
    /// Records of the log that it has yet to read.
    pub lag: u64,
    /// Those with most users, at most [`LARGEST_ROOMS`].
    pub largest: Vec<RoomSize>,
}

/// A user who is kept away: a record of the bucket [`crate::stream::RT_BUCKET`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ban {
    pub user_id: Arc<str>,
    /// Without it until it is lifted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
    /// For the user.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// The administrator's user id.
    pub by: Arc<str>,
    pub timestamp: Timestamp,
}

impl Ban {
    /// Whether it still holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What a banned user is told.
impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(crate::error::BANNED)?;
        if let Some(until) = self.until {
            write!(f, " until {until}")?;
        }
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// Keys of bans begin so.
pub const ALL_BANS: &str = "ban.>";

/// The key of a user's ban.
#[must_use]
pub fn ban_key(user_id: &str) -> String {
    format!("ban.{}", escape(user_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_in_words() {
        let ban = |until, reason: Option<&str>| Ban {
            user_id: "u".into(),
            until,
            reason: reason.map(Into::into),
            by: "a".into(),
            timestamp: Timestamp::from_millis(0),
        };
        let until = Some(Timestamp::from_millis(1_000));
        assert_eq!(ban(None, None).to_string(), "You are banned");
        let words = "You are banned until 1970-01-01T00:00:01.000Z: spam";
        assert_eq!(ban(until, Some("spam")).to_string(), words);
        assert!(ban(None, None).holds(Timestamp::now()));
        assert!(ban(until, None).holds(Timestamp::from_millis(999)));
        assert!(!ban(until, None).holds(Timestamp::from_millis(1_000)));
    }
}
