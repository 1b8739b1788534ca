//! Starling beside what else would be used: the same clients, rooms, sizes and rates for each, in turn.
//!
//! Owns starting each contender as it is meant to run, the order of the measurements, and the table and
//! plot of what they showed. Leaves load and reckoning to the parts that `bench` is made of, and Starling's
//! processes to the [`Topology`](crate::chaos::topology::Topology) of the chaos suite.

pub mod absence;
pub mod assistant;
pub mod attendee;
pub mod cli;
pub mod comparison;
pub mod contender;
pub mod counted;
pub mod ending;
pub mod figures;
pub mod floor;
pub mod footprint;
pub mod highest;
pub mod holder;
pub mod holders;
pub mod latency;
pub mod line;
pub mod machine;
pub mod memory;
pub mod peer_process;
pub mod peer_tools;
pub mod plan;
pub mod plot;
pub mod redis;
pub mod rooms;
pub mod rows;
pub mod session;
pub mod socket_io;
pub mod system;
pub mod table;
pub mod wire_size;
