//! The streams and buckets on NATS: names, subjects and limits.
//!
//! `local-stack provision` (or an operator) creates them; services only use them.

use std::time::Duration;

/// The log of every room: messages and the nodes' interest.
pub const ROOMS: &str = "ROOMS";
/// What [`ROOMS`] stores: `rt.<p>.m.<room>` and `rt.<p>.j.<room>.<node>`.
pub const ROOMS_SUBJECTS: [&str; 2] = ["rt.*.m.*", "rt.*.j.*.*"];
/// How long a `Nats-Msg-Id` is remembered.
pub const DEDUPE_WINDOW: Duration = Duration::from_mins(2);
/// How many messages a room keeps, by default.
pub const DEFAULT_ROOM_CAP: i64 = 10_000;
/// How long a message is kept, by default.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_hours(30 * 24);
/// How long the record of a node that left a room stays in the log.
pub const LEFT_TTL: Duration = Duration::from_mins(1);

/// The key-value bucket of leases, sessions of workers, checkpoints and bans.
pub const RT_BUCKET: &str = "RT";
/// The stream under it (NATS ADR-8).
pub const RT_STREAM: &str = "KV_RT";

/// The work queue of media jobs.
pub const MEDIA: &str = "MEDIA";
pub const MEDIA_SUBJECTS: [&str; 1] = ["media.job.*"];
/// The durable consumer of [`MEDIA`] that every media worker takes jobs from.
pub const MEDIA_CONSUMER: &str = "media";
/// A media worker that is silent about a job for this long has lost it to another.
pub const MEDIA_ACK_WAIT: Duration = Duration::from_secs(10);
/// The jobs that were given up: [`crate::media::DeadJob`]s on [`crate::subject::MEDIA_DEAD`].
pub const MEDIA_DEAD: &str = "MEDIA_DEAD";
/// How long a job that was given up is kept.
pub const MEDIA_DEAD_MAX_AGE: Duration = Duration::from_hours(30 * 24);

/// The object store through which uploads reach the media worker.
pub const UPLOADS_BUCKET: &str = "uploads";
/// How long an upload waits there for its job.
pub const UPLOADS_MAX_AGE: Duration = Duration::from_hours(1);
