//! Starling's contract, and nothing else.
//!
//! Every event, field, subject, stream, bucket and error code that crosses a process boundary is
//! spelled in this crate, once. It owns names, shapes and the rules that make a value valid. It
//! leaves all IO and every decision to the services: nothing here knows tokio, NATS or HTTP.
//!
//! `fixtures/` holds one golden example of every client-visible payload; the Rust tests here and the
//! JavaScript tests in `loadtest/` both read them, so that neither side can drift alone.

pub mod admin;
pub mod client;
pub mod delivery;
pub mod ephemeral;
pub mod error;
mod escape;
pub mod event;
pub mod header;
pub mod heartbeat;
pub mod identity;
pub mod kv;
pub mod media;
pub mod message;
pub mod nats_role;
pub mod partition;
pub mod room;
pub mod stream;
pub mod subject;
pub mod timestamp;

pub use error::{ErrorCode, Failure};
pub use identity::{NodeId, User, WorkerId};
pub use media::MediaJob;
pub use message::{StoredChat, StoredFile, StoredMessage};
pub use nats_role::NatsRole;
pub use partition::{PARTITIONS, Partition};
pub use room::RoomName;
pub use timestamp::Timestamp;

/// A position in the log: the stream sequence that JetStream gave a message of [`stream::ROOMS`].
///
/// Sequences are global to the stream, so two messages of one room are ordered by them but rarely
/// adjacent. `0` is before everything.
pub type Seq = u64;
