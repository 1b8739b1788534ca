//! Chaos: a Starling of real processes, parts of which are killed, paused, cut off and restarted while
//! many clients talk; and the reckoning whether every guarantee held.

pub mod clock;
pub mod memory;
pub mod metrics;
pub mod nats_part;
pub mod network;
pub mod partition_owners;
pub mod run_folder;
pub mod service_process;
pub mod service_role;
pub mod topology;
