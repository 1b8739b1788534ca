//! What a message costs as a system grows, and how many talking connections it holds.
//!
//! Owns the systems of many nodes and rooms, what passes in them for each message, and the clients of
//! many processes. Leaves the clients themselves to the [`Fleet`](crate::fleet::Fleet) of `bench`, and
//! processes of servers to the [`Topology`](crate::chaos::topology::Topology) of the chaos suite.

pub mod cli;
pub mod cost;
pub mod cost_table;
pub mod crowd;
pub mod crowd_table;
pub mod nats_monitor;
pub mod solitary_rooms;
pub mod spent;
pub mod system;
pub mod talker;
pub mod talkers;
pub mod traffic;
