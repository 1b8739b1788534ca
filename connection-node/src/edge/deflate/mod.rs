//! Compression of WebSocket messages: permessage-deflate (RFC 7692), without context takeover either
//! way.
//!
//! Each message is compressed by itself, so that a broadcast is compressed once and the same frame goes
//! to all who have negotiated it, and so that nothing is kept for a client between two messages. What is
//! shorter than [`outgoing`]'s bound goes as it is, and so does what Socket.IO writes by itself, which a
//! receiver tells by a bit of each frame.
//!
//! What a client sends compressed is inflated before socketioxide sees it, and within the same bounds as
//! all else: the [`Intake`](super::Intake) hears of every byte that comes of it.
//!
//! | file | owns |
//! | --- | --- |
//! | `offer` | what a client offers, and what is answered |
//! | `outgoing` | a message as a compressed frame |
//! | `inflow` | a client's frames, turned into such that hold nothing compressed and none of which is large |
//! | `inflater` | inflating one message, piece by piece |

mod inflater;
mod inflow;
mod offer;
mod outgoing;

pub(super) use inflater::INFLATER;
pub(super) use inflow::Inflow;
pub(super) use offer::accept;
pub use outgoing::deflated_frame;
