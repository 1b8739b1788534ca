//! Workers on a real nats-server, with nodes that follow the delivery rule.

// Helpers of tests may fail a test as tests themselves may.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod life;
mod metrics;
mod node;
mod ownership;
mod presence;
mod reading;
mod routing;
mod stage;
mod trouble;

use std::sync::Arc;

use wire::{PARTITIONS, RoomName, User};

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

/// A room in each partition.
fn room_of_each_partition() -> Vec<RoomName> {
    let mut rooms: Vec<Option<RoomName>> = vec![None; PARTITIONS.into()];
    for n in 0.. {
        let room = room(&format!("room {n}"));
        rooms[usize::from(room.partition().number())].get_or_insert(room);
        if rooms.iter().all(Option::is_some) {
            break;
        }
    }
    rooms.into_iter().flatten().collect()
}

fn body(n: usize) -> String {
    format!("{{\"chat\":{{\"n\":{n}}}}}")
}

fn user(name: &str) -> User {
    User { user_id: Arc::from(name), username: Arc::from(name.to_uppercase()) }
}
