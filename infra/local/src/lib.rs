//! Starling on one machine: a nats-server, its streams, an S3 and the services, for `cargo run` and for every test.
//!
//! Owns finding or fetching `nats-server`, running it, provisioning streams and buckets, and starting,
//! stopping and killing the services inside this process. Leaves what the services do to them: nothing
//! here decides about messages.
//!
//! Without the feature `services` only the NATS part is built ([`nats_process`], [`nats_cluster`] and
//! [`provision`]), which is what the services' own tests need; the feature `s3` adds the S3 server.

pub mod data_folder;
pub mod file_lock;
pub mod leashed_child;
pub mod nats_cluster;
pub mod nats_process;
pub mod nats_server;
pub mod nats_version;
pub mod open_files;
pub mod places;
pub mod port;
pub mod progress;
pub mod provision;
pub mod search_path;
pub mod wheel;

#[cfg(feature = "services")]
pub mod banner;
#[cfg(feature = "services")]
pub mod cli;
#[cfg(feature = "s3")]
pub mod embedded_s3;
#[cfg(feature = "services")]
pub mod external_nats;
#[cfg(feature = "services")]
pub mod jwt_secret;
#[cfg(feature = "services")]
pub mod launch;
#[cfg(feature = "services")]
pub mod listeners;
#[cfg(feature = "services")]
pub mod nats;
#[cfg(feature = "services")]
pub mod nats_keys;
#[cfg(feature = "services")]
pub mod readiness;
#[cfg(feature = "s3")]
pub mod s3;
#[cfg(feature = "s3")]
pub mod s3_server;
#[cfg(feature = "s3")]
pub mod service;
#[cfg(feature = "services")]
pub mod slot;
#[cfg(feature = "services")]
pub mod socket_io_client;
#[cfg(feature = "services")]
pub mod stack;
#[cfg(feature = "services")]
pub mod stack_options;
#[cfg(feature = "services")]
pub mod stop_signal;
#[cfg(feature = "s3")]
pub mod weed;
