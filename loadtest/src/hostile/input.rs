//! One hostile input: of what kind, from where in a connection's life it is sent, and what must come of it.
//!
//! Pure. The input `index` of a `seed` is the same in every run.

use std::time::Duration;

use fastrand::Rng;

use super::{attachment, deflated, frame, http, packet, payload, token};

/// What is wrong with an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    HttpGarbage,
    Upgrade,
    Query,
    PollingPacket,
    EnginePacket,
    SocketPacket,
    Frame,
    Deflated,
    Binary,
    Attachments,
    DeepJson,
    InvalidUtf8,
    ForgedToken,
    RoomName,
    Slow,
}

/// How far a connection comes before the input is sent on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is open.
    Tcp,
    /// It is a WebSocket.
    WebSocket,
    /// It is a WebSocket that has entered the chat namespace.
    Member,
    /// There is a session by polling; each part of the input is the body of a POST.
    Session,
    /// The same, and it has entered the chat namespace.
    SessionMember,
}

/// What must come of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The node is free to answer, to close, or to ignore it.
    Anything,
    /// It is not answered as a request that is good.
    Refusal,
    /// The connection ends.
    End,
    /// The sender does not enter a namespace.
    Outside,
}

/// A hostile input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    pub kind: Kind,
    pub stage: Stage,
    /// What is sent, in parts; bytes of TCP but by polling.
    pub parts: Vec<Vec<u8>>,
    /// Time between two bytes of it, where it is sent so.
    pub drip: Option<Duration>,
    pub expect: Expect,
}

/// One input in so many is slow: it holds its connection until the node has had enough.
const SLOW: u64 = 40;

impl Kind {
    pub const ALL: [Self; 15] = [
        Self::HttpGarbage,
        Self::Upgrade,
        Self::Query,
        Self::PollingPacket,
        Self::EnginePacket,
        Self::SocketPacket,
        Self::Frame,
        Self::Deflated,
        Self::Binary,
        Self::Attachments,
        Self::DeepJson,
        Self::InvalidUtf8,
        Self::ForgedToken,
        Self::RoomName,
        Self::Slow,
    ];

    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HttpGarbage => "HTTP that is none",
            Self::Upgrade => "wrong upgrade headers",
            Self::Query => "wrong queries and methods",
            Self::PollingPacket => "bad packets by polling",
            Self::EnginePacket => "bad Engine.IO packets",
            Self::SocketPacket => "bad Socket.IO packets",
            Self::Frame => "bad WebSocket frames",
            Self::Deflated => "bombs, and other compression",
            Self::Binary => "binary that nobody announced",
            Self::Attachments => "attachments that are a lie",
            Self::DeepJson => "deep JSON",
            Self::InvalidUtf8 => "text that is no UTF-8",
            Self::ForgedToken => "forged tokens",
            Self::RoomName => "hostile names of rooms",
            Self::Slow => "slow and half-open",
        }
    }
}

impl Input {
    /// The input `index` of a run.
    #[must_use]
    pub fn generate(seed: u64, index: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let rng = &mut rng;
        if index % SLOW == SLOW - 1 {
            return http::slow(rng);
        }
        // All others in turn.
        let others = Kind::ALL.len() - 1;
        match Kind::ALL[usize::try_from(index).unwrap_or(0) % others] {
            Kind::HttpGarbage => http::garbage(rng),
            Kind::Upgrade => http::upgrade(rng),
            Kind::Query => http::query(rng),
            Kind::PollingPacket => packet::by_polling(rng),
            Kind::EnginePacket => packet::of_engine(rng),
            Kind::SocketPacket => packet::of_socket(rng),
            Kind::Frame => frame::bad(rng),
            Kind::Deflated => deflated::bad(rng),
            Kind::Binary => frame::unannounced(rng),
            Kind::Attachments => attachment::lie(rng),
            Kind::DeepJson => payload::deep(rng),
            Kind::InvalidUtf8 => frame::invalid_text(rng),
            Kind::ForgedToken => token::forged(rng),
            Kind::RoomName | Kind::Slow => payload::room(rng),
        }
    }

    /// An input of one part, of which anything may come.
    pub(super) fn new(kind: Kind, stage: Stage, part: Vec<u8>) -> Self {
        Self { kind, stage, parts: vec![part], drip: None, expect: Expect::Anything }
    }

    pub(super) fn expecting(self, expect: Expect) -> Self {
        Self { expect, ..self }
    }
}

/// So many random bytes, from `least` to `most`.
pub(super) fn noise(rng: &mut Rng, least: usize, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.usize(least..=most)];
    rng.fill(&mut bytes);
    bytes
}

/// One of several.
pub(super) fn one_of<T: Copy>(rng: &mut Rng, choice: &[T]) -> T {
    choice[rng.usize(..choice.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_names_its_inputs() {
        let inputs =
            |seed| (0..2_000).map(|index| Input::generate(seed, index)).collect::<Vec<_>>();
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        let kinds: HashSet<_> = inputs(1).iter().map(|input| input.kind).collect();
        assert_eq!(kinds.len(), Kind::ALL.len());
    }

    #[test]
    fn inputs_are_many_and_none_is_empty() {
        let inputs: Vec<_> = (0..10_000).map(|index| Input::generate(7, index)).collect();
        assert!(inputs.iter().all(|input| !input.parts.is_empty()));
        let different: HashSet<_> = inputs.iter().map(|input| &input.parts).collect();
        assert!(different.len() > 3_000, "only {} are different", different.len());
    }
}
