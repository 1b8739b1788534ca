//! Who a process is to NATS.

/// A role on NATS. Each has keys of its own, and may do what `infra/nats/roles.conf` lists for it and
/// nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NatsRole {
    /// A connection node.
    Node,
    /// A fan-out worker.
    Fanout,
    /// A media worker, from the queue or by HTTP.
    Media,
    /// Who makes the streams.
    Admin,
}

impl NatsRole {
    pub const ALL: [Self; 4] = [Self::Node, Self::Fanout, Self::Media, Self::Admin];

    /// Its name in files and sentences.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Fanout => "fanout",
            Self::Media => "media",
            Self::Admin => "admin",
        }
    }

    /// The first token of the subjects on which it gets answers: no role may read another's.
    #[must_use]
    pub fn inbox(self) -> &'static str {
        match self {
            Self::Node => "_INBOX_node",
            Self::Fanout => "_INBOX_fanout",
            Self::Media => "_INBOX_media",
            Self::Admin => "_INBOX_admin",
        }
    }
}
