//! Creates and updates the streams and buckets that `wire::stream` names.
//!
//! Services only use them; this, an operator's job, is done by the local stack at its start and by
//! `local-stack provision` for those who run the binaries apart. Doing it again changes nothing.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::Client;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::GetStreamErrorKind;
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, ErrorCode};
use wire::kv;
use wire::stream as names;

/// How long the bucket keeps the marker of a key that expired, for watchers that were away.
const MARKER_TTL: Duration = Duration::from_mins(1);
/// How long one request to JetStream may take; a fresh cluster elects leaders first.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// What may differ between installations. `None` keeps what an existing stream has, and takes the
/// default where there is none yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvisionOptions {
    /// Copies of each stream over the servers of a cluster, 1 to 5; 1 by default.
    pub replicas: Option<usize>,
    /// Messages that a room keeps; [`names::DEFAULT_ROOM_CAP`] by default.
    pub room_cap: Option<i64>,
    /// How long a message is kept; [`names::DEFAULT_MAX_AGE`] by default.
    pub max_age: Option<Duration>,
}

/// Creates what is missing and updates what differs.
///
/// # Errors
/// When JetStream is off or unreachable, or refuses a change (a stream's storage, for one, is for ever).
pub async fn provision(client: &Client, options: &ProvisionOptions) -> anyhow::Result<()> {
    provision_with(jetstream::new(client.clone()), options).await
}

/// As [`provision`], where JetStream answers elsewhere than on the server at hand.
///
/// # Errors
/// As [`provision`].
pub async fn provision_with(
    mut jetstream: jetstream::Context,
    options: &ProvisionOptions,
) -> anyhow::Result<()> {
    jetstream.set_timeout(REQUEST_TIMEOUT);
    for wanted in [rooms(), realtime(), media(), media_dead(), uploads()] {
        let name = wanted.name.clone();
        ensure(&jetstream, wanted, options)
            .await
            .with_context(|| format!("cannot provision the stream {name}"))?;
    }
    jetstream
        .create_consumer_on_stream(media_consumer(), names::MEDIA)
        .await
        .with_context(|| format!("cannot provision the consumer of {}", names::MEDIA))?;
    Ok(())
}

async fn ensure(
    jetstream: &jetstream::Context,
    wanted: stream::Config,
    options: &ProvisionOptions,
) -> anyhow::Result<()> {
    let existing = match jetstream.get_stream(&wanted.name).await {
        Ok(stream) => Some(stream.cached_info().config.clone()),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(refusal)
                if refusal.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                None
            }
            _ => return Err(error.into()),
        },
    };
    jetstream.create_or_update_stream(settle(wanted, existing.as_ref(), options)).await?;
    Ok(())
}

/// The configuration to ask for: the wanted one, with what the options or an existing stream decide.
fn settle(
    mut wanted: stream::Config,
    existing: Option<&stream::Config>,
    options: &ProvisionOptions,
) -> stream::Config {
    wanted.num_replicas =
        options.replicas.or(existing.map(|stream| stream.num_replicas)).unwrap_or(1);
    if wanted.name == names::ROOMS {
        let cap = options.room_cap.or(existing.map(|stream| stream.max_messages_per_subject));
        let age = options.max_age.or(existing.map(|stream| stream.max_age));
        wanted.max_messages_per_subject = cap.unwrap_or(names::DEFAULT_ROOM_CAP);
        wanted.max_age = age.unwrap_or(names::DEFAULT_MAX_AGE);
    }
    wanted
}

/// The log of the rooms.
fn rooms() -> stream::Config {
    stream::Config {
        name: names::ROOMS.to_owned(),
        description: Some("Messages of the rooms, and which node has members in which".to_owned()),
        subjects: names::ROOMS_SUBJECTS.map(str::to_owned).to_vec(),
        storage: StorageType::File,
        duplicate_window: names::DEDUPE_WINDOW,
        allow_direct: true,
        allow_rollup: true,
        allow_message_ttl: true,
        ..stream::Config::default()
    }
}

/// The stream under the key-value bucket, laid out as ADR-8 of NATS has it.
fn realtime() -> stream::Config {
    stream::Config {
        name: names::RT_STREAM.to_owned(),
        description: Some(
            "Leases and checkpoints of the partitions, sessions of workers, and bans".to_owned(),
        ),
        subjects: vec![kv::subject(">")],
        storage: StorageType::File,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        allow_direct: true,
        allow_rollup: true,
        deny_delete: true,
        allow_message_ttl: true,
        subject_delete_marker_ttl: Some(MARKER_TTL),
        ..stream::Config::default()
    }
}

/// The work queue of media jobs.
fn media() -> stream::Config {
    stream::Config {
        name: names::MEDIA.to_owned(),
        description: Some("Uploads that wait for a media worker".to_owned()),
        subjects: names::MEDIA_SUBJECTS.map(str::to_owned).to_vec(),
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        duplicate_window: names::DEDUPE_WINDOW,
        ..stream::Config::default()
    }
}

/// Who takes jobs from the queue. The server delivers again without end; the media worker counts, and
/// gives up with a record, where the server would only fall silent.
fn media_consumer() -> pull::Config {
    pull::Config {
        durable_name: Some(names::MEDIA_CONSUMER.to_owned()),
        description: Some("The media workers".to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: names::MEDIA_ACK_WAIT,
        max_deliver: -1,
        ..pull::Config::default()
    }
}

/// The media jobs that were given up.
fn media_dead() -> stream::Config {
    stream::Config {
        name: names::MEDIA_DEAD.to_owned(),
        description: Some("Media jobs that were given up, for an operator".to_owned()),
        subjects: vec![wire::subject::MEDIA_DEAD.to_owned()],
        storage: StorageType::File,
        max_age: names::MEDIA_DEAD_MAX_AGE,
        ..stream::Config::default()
    }
}

/// The stream under the object store, laid out as ADR-20 of NATS has it.
fn uploads() -> stream::Config {
    let bucket = names::UPLOADS_BUCKET;
    stream::Config {
        name: format!("OBJ_{bucket}"),
        description: Some("Uploads on their way to a media worker".to_owned()),
        subjects: vec![format!("$O.{bucket}.C.>"), format!("$O.{bucket}.M.>")],
        storage: StorageType::File,
        max_age: names::UPLOADS_MAX_AGE,
        discard: DiscardPolicy::New,
        allow_direct: true,
        allow_rollup: true,
        ..stream::Config::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_before_what_exists_and_that_before_defaults() {
        let existing = stream::Config {
            num_replicas: 3,
            max_messages_per_subject: 77,
            max_age: Duration::from_secs(9),
            ..rooms()
        };
        let asked = ProvisionOptions {
            replicas: Some(5),
            room_cap: Some(8),
            max_age: Some(Duration::from_secs(7)),
        };
        let unasked = ProvisionOptions::default();
        let table = [
            (None, &unasked, (1, names::DEFAULT_ROOM_CAP, names::DEFAULT_MAX_AGE)),
            (None, &asked, (5, 8, Duration::from_secs(7))),
            (Some(&existing), &unasked, (3, 77, Duration::from_secs(9))),
            (Some(&existing), &asked, (5, 8, Duration::from_secs(7))),
        ];
        for (existing, options, expected) in table {
            let settled = settle(rooms(), existing, options);
            assert_eq!(
                (settled.num_replicas, settled.max_messages_per_subject, settled.max_age),
                expected
            );
        }
    }

    #[test]
    fn caps_and_ages_of_rooms_touch_no_other_stream() {
        let options = ProvisionOptions {
            room_cap: Some(8),
            max_age: Some(Duration::from_secs(7)),
            replicas: None,
        };
        for wanted in [realtime(), media(), media_dead(), uploads()] {
            let settled = settle(wanted.clone(), None, &options);
            assert_eq!(settled.max_age, wanted.max_age, "{}", wanted.name);
            assert_eq!(
                settled.max_messages_per_subject, wanted.max_messages_per_subject,
                "{}",
                wanted.name
            );
        }
    }
}
