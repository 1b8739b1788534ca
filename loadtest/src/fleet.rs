//! All the clients of a run: how they are spread over nodes and rooms.

use std::{rc::Rc, time::Instant};

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::{
    client::{Client, Place, Shared},
    ledger::Ledger,
    packet,
    pass::ROOM_PREFIX,
    progress::Progress,
    target::Target,
};

/// How many clients in rooms of what size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    pub clients: usize,
    pub room_size: usize,
    /// The length of a message's content in bytes.
    pub content_bytes: usize,
}

/// Clients in their rooms, ready to send.
#[derive(Debug)]
pub struct Fleet {
    pub crowd: Crowd,
    pub shared: Rc<Shared>,
    clients: Vec<Client>,
}

impl Crowd {
    /// # Errors
    /// When the rooms would not all have the same size.
    pub fn check(&self) -> anyhow::Result<()> {
        let Self { clients, room_size, .. } = *self;
        let even = room_size > 0 && clients > 0 && clients.is_multiple_of(room_size);
        ensure!(even, "{clients} clients do not fill rooms of {room_size}: choose a multiple");
        Ok(())
    }

    #[must_use]
    pub fn rooms(&self) -> usize {
        self.clients / self.room_size
    }

    /// The room of a client. Neighbours share one, and neighbours are on different nodes.
    fn room_of(&self, client: usize) -> usize {
        client / self.room_size
    }

    /// Who sends message `n`: each room in turn, and in it each member in turn.
    #[must_use]
    pub fn sender(&self, n: u64) -> usize {
        let n = usize::try_from(n % self.clients as u64).unwrap_or_default();
        (n % self.rooms()) * self.room_size + n / self.rooms()
    }

    /// A ledger for messages from index `base` on.
    #[must_use]
    pub fn ledger(&self, base: u64, warm_up: u64) -> Ledger {
        let members = u32::try_from(self.room_size).unwrap_or(u32::MAX);
        Ledger::new(base, self.clients, members, warm_up)
    }
}

/// A client's user id: twenty characters, as many as a Socket.IO server's own ids have: names are a part of each message.
#[must_use]
pub fn user_of(run: &str, number: usize) -> String {
    format!("{run:.12}-{number:07}")
}

impl Fleet {
    /// Connects every client, some at a time, and has each join its room.
    ///
    /// # Errors
    /// When any client cannot enter.
    pub async fn gather(crowd: Crowd, target: &Target) -> anyhow::Result<Self> {
        crowd.check()?;
        let shared = Rc::new(Shared {
            ledger: crowd.ledger(packet::JOIN_ACK + 1, 0).into(),
            origin: Instant::now(),
            content_bytes: crowd.content_bytes,
        });
        let run = Uuid::new_v4().simple().to_string();
        let mut progress = Progress::new();
        let entering = (0..crowd.clients).map(|number| {
            let node = target.nodes[number % target.nodes.len()].clone();
            let (user, room) =
                (user_of(&run, number), format!("{ROOM_PREFIX}{run}-{}", crowd.room_of(number)));
            let shared = shared.clone();
            async move {
                let token = target.pass.token(&node, user).await?;
                let place = Place { number, node, token, room, source: target.source };
                let client = Client::enter(place, shared).await?;
                anyhow::Ok((number, client))
            }
        });
        let mut entered = stream::iter(entering).buffer_unordered(target.connect_at_once);
        let mut clients: Vec<Option<Client>> = Vec::new();
        clients.resize_with(crowd.clients, || None);
        let mut count = 0;
        while let Some((number, client)) = entered.try_next().await? {
            clients[number] = Some(client);
            count += 1;
            progress.show(|| {
                format!("connecting: {count} of {} clients are in their rooms", crowd.clients)
            });
        }
        progress.end();
        drop(entered);
        Ok(Self { crowd, shared, clients: clients.into_iter().flatten().collect() })
    }

    /// Has the sender of message `n` send it; `false` where that client cannot.
    #[must_use]
    pub fn send(&self, n: u64, due: Instant) -> bool {
        self.clients[self.crowd.sender(n)].send(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_sends_once_a_round_and_rooms_take_turns() {
        let crowd = Crowd { clients: 12, room_size: 3, content_bytes: 64 };
        let senders: Vec<_> = (0..12).map(|n| crowd.sender(n)).collect();
        let rooms: Vec<_> = senders.iter().map(|client| crowd.room_of(*client)).collect();
        assert_eq!(rooms[..4], [0, 1, 2, 3]);
        assert_eq!(rooms[4..8], [0, 1, 2, 3]);
        assert_eq!(crowd.sender(12), crowd.sender(0));
        let mut sorted = senders;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn rooms_must_be_full() {
        let crowd = |clients, room_size| Crowd { clients, room_size, content_bytes: 64 };
        for (clients, room_size, fits) in [
            (1_000, 10, true),
            (1, 1, true),
            (10, 3, false),
            (0, 1, false),
            (1, 0, false),
            (5, 10, false),
        ] {
            assert_eq!(crowd(clients, room_size).check().is_ok(), fits, "{clients} in {room_size}");
        }
    }
}
