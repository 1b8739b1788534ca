//! Chaos: a Starling of real processes, parts of which are killed, paused, cut off and restarted while
//! many clients talk; and the reckoning whether every guarantee held.

pub mod balancer;
pub mod cli;
pub mod client;
pub mod clock;
pub mod crowd;
pub mod finding;
pub mod fleet;
pub mod history;
pub mod memory;
pub mod metrics;
pub mod nats_part;
pub mod network;
pub mod outcome;
pub mod partition_owners;
pub mod report;
pub mod rhythm;
pub mod room_log;
pub mod run_folder;
pub mod scenario;
pub mod service_process;
pub mod service_role;
pub mod slope;
pub mod talk;
pub mod tally;
pub mod token;
pub mod topology;
pub mod verdict;
