//! What an administrator asks for, asked of every node and worker, and their answers added up.

use std::{collections::HashMap, time::Duration};

use async_nats::Client;
use futures_util::StreamExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;
use wire::{
    ErrorCode, Failure, Timestamp, User,
    admin::{
        AdminOrder, Ban, BanRequest, Banned, KickRequest, LARGEST_ROOMS, Reached, RoomSize, Stats,
        StatsAnswer,
    },
    client::AdminAnnouncement,
    subject,
};

use crate::bans::Bans;

/// How long the answers of all may take, and how long none may come before they are taken for all.
const PATIENCE: Duration = Duration::from_secs(1);
const SILENCE: Duration = Duration::from_millis(250);
/// How long an administrator is asked to wait, in milliseconds.
const RETRY: u64 = 1_000;

/// Where administrators are served.
pub struct Desk {
    pub client: Client,
    pub bans: Bans,
}

impl Desk {
    /// Tells everybody something, once: who is away does not hear it.
    pub async fn announce(&self, admin: &User, content: String) -> Result<Reached, Failure> {
        let announcement = AdminAnnouncement {
            content,
            timestamp: Timestamp::now(),
            sender: admin.username.to_string(),
        };
        self.order(&AdminOrder::Announce { announcement }).await
    }

    pub async fn kick(&self, kick: KickRequest) -> Result<Reached, Failure> {
        let KickRequest { user_id, reason } = kick;
        self.order(&AdminOrder::Kick { user_id: user_id.into(), reason }).await
    }

    /// Every node follows the bucket, and ends the user's connections when it sees the ban.
    pub async fn ban(&self, admin: &User, ban: BanRequest) -> Result<Banned, Failure> {
        let BanRequest { user_id, seconds, reason } = ban;
        let now = Timestamp::now();
        let end = |seconds| Timestamp::from_millis(now.as_millis() + seconds * 1_000);
        let until = seconds.map(end);
        let by = admin.user_id.clone();
        let record = Ban { user_id: user_id.as_str().into(), until, reason, by, timestamp: now };
        self.bans.add(&record).await?;
        Ok(Banned { user_id, until })
    }

    pub async fn unban(&self, user_id: &str) -> Result<(), Failure> {
        self.bans.lift(user_id).await
    }

    pub async fn stats(&self) -> Result<Stats, Failure> {
        let answers = self.ask_all::<_, StatsAnswer>(subject::ADMIN_STATS, &()).await?;
        Ok(added_up(answers))
    }

    async fn order(&self, order: &AdminOrder) -> Result<Reached, Failure> {
        let answers: Vec<Reached> = self.ask_all(subject::ADMIN_ORDER, order).await?;
        Ok(answers.into_iter().fold(Reached::default(), |sum, one| Reached {
            nodes: sum.nodes + one.nodes,
            sockets: sum.sockets + one.sockets,
        }))
    }

    /// Asks whoever listens, and gathers the answers until there are no more.
    async fn ask_all<Q: Serialize, A: DeserializeOwned>(
        &self,
        subject: &'static str,
        question: &Q,
    ) -> Result<Vec<A>, Failure> {
        let payload = serde_json::to_vec(question).map_err(|_| unavailable())?;
        let to = subject::admin_answers(&Uuid::new_v4().to_string());
        let mut answers = self.client.subscribe(to.clone()).await.map_err(|_| unavailable())?;
        let asked = self.client.publish_with_reply(subject, to, payload.into()).await;
        asked.map_err(|_| unavailable())?;
        let end = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        let mut silence = end;
        while let Ok(Some(answer)) = timeout_at(silence, answers.next()).await {
            match serde_json::from_slice(&answer.payload) {
                Ok(answer) => heard.push(answer),
                // "No responders" is empty.
                Err(error) => tracing::debug!(%error, "an answer that cannot be read"),
            }
            silence = end.min(Instant::now() + SILENCE);
        }
        // This node itself listens: without any answer NATS is away.
        if heard.is_empty() { Err(unavailable()) } else { Ok(heard) }
    }
}

/// Pure: one sum of all answers.
fn added_up(answers: Vec<StatsAnswer>) -> Stats {
    let mut stats = Stats::default();
    let mut rooms = HashMap::new();
    for answer in answers {
        match answer {
            StatsAnswer::Node(node) => {
                stats.connections += node.connections;
                stats.sockets += node.sockets;
                stats.messages_per_second += node.messages_per_second;
                stats.deliveries_per_second += node.deliveries_per_second;
                stats.nodes.push(node);
            }
            StatsAnswer::Worker(worker) => {
                stats.lag += worker.lag;
                stats.partitions += worker.partitions;
                for RoomSize { room, users } in &worker.largest {
                    let most: &mut usize = rooms.entry(room.clone()).or_default();
                    // Two owners for a moment tell of the same users.
                    *most = (*most).max(*users);
                }
                stats.workers.push(worker);
            }
        }
    }
    stats.rooms = rooms.into_iter().map(|(room, users)| RoomSize { room, users }).collect();
    stats.rooms.sort_unstable_by(|one, other| {
        other.users.cmp(&one.users).then_with(|| one.room.cmp(&other.room))
    });
    stats.rooms.truncate(LARGEST_ROOMS);
    stats.nodes.sort_unstable_by(|one, other| one.node.cmp(&other.node));
    stats.workers.sort_unstable_by(|one, other| one.worker.cmp(&other.worker));
    stats
}

fn unavailable() -> Failure {
    let message = "the nodes do not answer; ask again";
    Failure::retry(ErrorCode::Unavailable, message, RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{NodeId, RoomName, WorkerId, admin::NodeStats, admin::WorkerStats};

    fn node(id: &str, sockets: usize) -> StatsAnswer {
        StatsAnswer::Node(NodeStats {
            node: NodeId::parse(id).unwrap(),
            connections: sockets,
            sockets,
            rooms: 1,
            messages_per_second: 2,
            deliveries_per_second: 3,
            uptime_seconds: 4,
        })
    }

    fn worker(id: &str, rooms: &[(&str, usize)]) -> StatsAnswer {
        let room = |&(room, users): &(&str, usize)| {
            let room = RoomName::parse(room).unwrap();
            RoomSize { room, users }
        };
        StatsAnswer::Worker(WorkerStats {
            worker: WorkerId::parse(id).unwrap(),
            partitions: 32,
            rooms: rooms.len(),
            lag: 5,
            largest: rooms.iter().map(room).collect(),
        })
    }

    #[test]
    fn answers_are_added_up() {
        let stats = added_up(vec![
            node("b", 10),
            worker("w2", &[("x", 7), ("y", 3)]),
            node("a", 5),
            worker("w1", &[("z", 9), ("x", 6)]),
        ]);
        assert_eq!((stats.connections, stats.sockets, stats.lag), (15, 15, 10));
        assert_eq!((stats.messages_per_second, stats.deliveries_per_second), (4, 6));
        assert_eq!(stats.partitions, 64);
        let rooms: Vec<_> = stats.rooms.iter().map(|r| (r.room.as_str(), r.users)).collect();
        assert_eq!(rooms, [("z", 9), ("x", 7), ("y", 3)]);
        let nodes: Vec<_> = stats.nodes.iter().map(|node| node.node.as_str()).collect();
        assert_eq!(nodes, ["a", "b"]);
        let many: Vec<(String, usize)> = (0..50).map(|n| (format!("r{n}"), n)).collect();
        let many: Vec<_> = many.iter().map(|(room, n)| (room.as_str(), *n)).collect();
        assert_eq!(added_up(vec![worker("w", &many)]).rooms.len(), LARGEST_ROOMS);
    }
}
