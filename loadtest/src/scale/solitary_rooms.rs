//! Rooms with one member each: sockets that are in many rooms and say nothing.

use std::ops::Range;

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Uri;
use tokio::{net::TcpStream, task::JoinSet};
use uuid::Uuid;
use wire::{
    client::{Auth, RoomRequest},
    event,
};

use crate::{
    client::dial,
    compare::line::Line,
    fleet::user_of,
    http_exchange,
    packet::{self, Incoming},
    pass::ROOM_PREFIX,
    progress::Progress,
    target::Target,
};

/// Rooms of one socket.
const EACH: usize = 500;
/// Sockets that join their rooms at a time.
const AT_ONCE: usize = 8;
/// Joins of a socket that are under way at a time.
const UNDER_WAY: usize = 16;

/// Such rooms, spread evenly over nodes; dropping this gives them up.
#[derive(Debug)]
pub struct SolitaryRooms {
    run: String,
    rooms: usize,
    sockets: JoinSet<()>,
}

impl SolitaryRooms {
    /// None yet.
    #[must_use]
    pub fn none() -> Self {
        let run = Uuid::new_v4().simple().to_string();
        Self { run, rooms: 0, sockets: JoinSet::new() }
    }

    /// Adds rooms until there are so many.
    ///
    /// # Errors
    /// When a socket cannot enter or join.
    pub async fn grow_to(&mut self, rooms: usize, target: &Target) -> anyhow::Result<()> {
        let nodes = target.nodes.len();
        // Few rooms lie on all nodes too.
        let each = EACH.min((rooms.saturating_sub(self.rooms)).div_ceil(nodes).max(1));
        let shares: Vec<Range<usize>> = (self.rooms..rooms)
            .step_by(each)
            .map(|first| first..(first + each).min(rooms))
            .collect();
        let entering = shares.into_iter().enumerate().map(|(number, share)| {
            let node = target.nodes[number % nodes].clone();
            let count = share.len();
            let entering = enter(node, target, &self.run, share);
            async move { anyhow::Ok((entering.await?, count)) }
        });
        let mut entered = stream::iter(entering).buffer_unordered(AT_ONCE);
        let mut progress = Progress::new();
        let mut joined = self.rooms;
        while let Some((line, count)) = entered.try_next().await? {
            self.sockets.spawn_local(stay(line));
            joined += count;
            progress.show(|| format!("{joined} of {rooms} rooms have their member"));
        }
        progress.end();
        self.rooms = self.rooms.max(rooms);
        Ok(())
    }

    /// Whether every socket is still there.
    #[must_use]
    pub fn is_whole(&mut self) -> bool {
        self.sockets.try_join_next().is_none()
    }
}

async fn enter(
    node: Uri,
    target: &Target,
    run: &str,
    rooms: Range<usize>,
) -> anyhow::Result<Line<TcpStream>> {
    let token = target.pass.token(&node, user_of(run, rooms.start)).await?;
    let auth = Auth { token, ..Auth::default() };
    let authority = http_exchange::authority(&node)?;
    let stream = dial(&authority, None).await?;
    stream.set_nodelay(true)?;
    let (mut line, _) = Line::open(stream, &authority, &auth, |_| ()).await?;
    let (mut asked, mut joined) = (rooms.clone(), 0);
    while joined < rooms.len() {
        while rooms.len() - asked.len() - joined < UNDER_WAY {
            let Some(number) = asked.next() else { break };
            let room = RoomRequest::Name(format!("{ROOM_PREFIX}{run}-{number}"));
            line.send(packet::event(packet::JOIN_ACK, event::JOIN_ROOM, &room)).await?;
        }
        let frame = line.next_within().await?;
        if let Incoming::Ack { body, .. } = Incoming::read(&frame) {
            ensure!(packet::is_success(body), "a join was refused: {body}");
            joined += 1;
        }
    }
    Ok(line)
}

/// Answers pings until the connection ends.
async fn stay(mut line: Line<TcpStream>) {
    while line.next().await.is_ok() {}
}
