//! NATS subjects, written and read.

use crate::{NodeId, Partition, RoomName, WorkerId};

/// Where a room's messages are stored.
#[must_use]
pub fn message(room: &RoomName) -> String {
    format!("rt.{}.m.{}", room.partition(), room.token())
}

/// Where one node's interest in one room is stored; the last record counts.
#[must_use]
pub fn interest(room: &RoomName, node: &NodeId) -> String {
    format!("rt.{}.j.{}.{node}", room.partition(), room.token())
}

/// Everything stored for a partition: messages and interest, in one order.
#[must_use]
pub fn partition_log(partition: Partition) -> String {
    format!("rt.{partition}.>")
}

/// Every interest record of a partition.
#[must_use]
pub fn partition_interest(partition: Partition) -> String {
    format!("rt.{partition}.j.*.*")
}

/// Every message of every room.
pub const ALL_MESSAGES: &str = "rt.*.m.*";

/// Where workers send [`crate::delivery::Frame`]s for a node.
#[must_use]
pub fn delivery(node: &NodeId) -> String {
    format!("dlv.{node}")
}

/// Where nodes tell a partition's owner what is never stored: [`crate::ephemeral::FromNode`].
#[must_use]
pub fn ephemeral(partition: Partition) -> String {
    format!("eph.{partition}")
}

/// A node's heartbeat.
#[must_use]
pub fn node_heartbeat(node: &NodeId) -> String {
    format!("hb.node.{node}")
}

/// Every node's heartbeat.
pub const ALL_NODE_HEARTBEATS: &str = "hb.node.*";

/// A worker's heartbeat.
#[must_use]
pub fn worker_heartbeat(worker: &WorkerId) -> String {
    format!("hb.worker.{worker}")
}

/// Every worker's heartbeat.
pub const ALL_WORKER_HEARTBEATS: &str = "hb.worker.*";

/// Where a node queues [`crate::MediaJob`]s.
#[must_use]
pub fn media_job(node: &NodeId) -> String {
    format!("media.job.{node}")
}

/// Where the media worker tells a node of files that failed: [`crate::media::FileFailed`].
#[must_use]
pub fn media_failure(node: &NodeId) -> String {
    format!("med.{node}")
}

/// Where a node says that it has taken such a word; `question` is a token that is asked with once.
#[must_use]
pub fn media_answers(question: &str) -> String {
    format!("media.told.{question}")
}

/// Whether such an answer may go there: who asks names the subject.
#[must_use]
pub fn is_media_answers(subject: &str) -> bool {
    is_one_token(subject.strip_prefix("media.told."))
}

/// Where the media worker puts the jobs that it gives up.
pub const MEDIA_DEAD: &str = "media.dead";

/// Where a node tells all nodes what an administrator wants: [`crate::admin::AdminOrder`].
pub const ADMIN_ORDER: &str = "adm.order";

/// Where a node asks all nodes and workers for what they have counted.
pub const ADMIN_STATS: &str = "adm.stats";

/// Where the answers to one such order or question go; `question` is a token that is asked with once.
#[must_use]
pub fn admin_answers(question: &str) -> String {
    format!("adm.answer.{question}")
}

/// Whether answers may go there. Who asks names the subject, and whoever answers may publish more than
/// the one who asks.
#[must_use]
pub fn is_admin_answers(subject: &str) -> bool {
    is_one_token(subject.strip_prefix("adm.answer."))
}

fn is_one_token(question: Option<&str>) -> bool {
    question.is_some_and(|question| !question.is_empty() && !question.contains(['.', '*', '>']))
}

/// A subject of [`crate::stream::ROOMS`], read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSubject {
    /// `rt.<p>.m.<room>`
    Message { room: RoomName },
    /// `rt.<p>.j.<room>.<node>`
    Interest { room: RoomName, node: NodeId },
}

impl LogSubject {
    /// The partition in whose log `subject` stands, read or not; `None` for one of no log.
    #[must_use]
    pub fn partition(subject: &str) -> Option<Partition> {
        let (number, _) = subject.strip_prefix("rt.")?.split_once('.')?;
        Partition::new(number.parse().ok()?).ok()
    }

    /// Reads a subject of the log; `None` for any that [`message`] and [`interest`] do not write,
    /// including one whose partition is not the room's.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        let mut tokens = subject.split('.');
        if tokens.next() != Some("rt") {
            return None;
        }
        let partition = tokens.next()?;
        let kind = tokens.next()?;
        let room = RoomName::from_token(tokens.next()?).ok()?;
        let node = tokens.next();
        if tokens.next().is_some() || partition != room.partition().to_string() {
            return None;
        }
        match (kind, node) {
            ("m", None) => Some(Self::Message { room }),
            ("j", Some(node)) => Some(Self::Interest { room, node: NodeId::parse(node).ok()? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn log_subjects_read_back() {
        let room = RoomName::parse("a.b *>🐦").unwrap();
        let node = NodeId::parse("node-1").unwrap();
        let subject = message(&room);
        assert_eq!(LogSubject::parse(&subject), Some(LogSubject::Message { room: room.clone() }));
        let subject = interest(&room, &node);
        assert_eq!(LogSubject::parse(&subject), Some(LogSubject::Interest { room, node }));
    }

    #[test]
    fn answers_go_where_answers_go() {
        assert!(is_admin_answers(&admin_answers("x-1")));
        assert!(is_media_answers(&media_answers("x-1")));
        for elsewhere in [
            "media.told",
            "media.told.",
            "media.told.>",
            "media.told.a.b",
            "media.dead",
            "",
            "adm.answer",
            "adm.answer.",
            "adm.answer.*",
            "adm.answer.a.b",
            "adm.stats",
            "dlv.a",
        ] {
            assert!(!is_admin_answers(elsewhere), "{elsewhere:?}");
            assert!(!is_media_answers(elsewhere), "{elsewhere:?}");
        }
    }

    #[test]
    fn foreign_subjects() {
        let general = RoomName::parse("general").unwrap();
        let wrong_partition = format!("rt.{}.m.general", (general.partition().number() + 1) % 64);
        for subject in
            ["", "rt", "rt.1", "rt.x.m.general", "rt.1.q.general", "dlv.node-1", &wrong_partition]
        {
            assert_eq!(LogSubject::parse(subject), None, "{subject:?}");
        }
        let extra = format!("{}.x.y", message(&general));
        assert_eq!(LogSubject::parse(&extra), None);
    }

    #[test]
    fn a_record_stands_in_a_partition_readable_or_not() {
        for (subject, expected) in [
            ("rt.0.m.general", Some(0)),
            ("rt.63.q.general", Some(63)),
            ("rt.64.m.general", None),
            ("rt.x.m.general", None),
            ("rt.1", None),
            ("dlv.1.m", None),
            ("", None),
        ] {
            assert_eq!(
                LogSubject::partition(subject).map(Partition::number),
                expected,
                "{subject}"
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics(subject in ".{0,80}") {
            let _ = LogSubject::parse(&subject);
        }

        #[test]
        fn any_room_reads_back(name in "\\PC{1,32}") {
            let room = RoomName::parse(&name).unwrap();
            let subject = message(&room);
            prop_assert_eq!(LogSubject::partition(&subject), Some(room.partition()));
            prop_assert_eq!(LogSubject::parse(&subject), Some(LogSubject::Message { room }));
        }
    }
}
