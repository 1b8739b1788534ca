//! A large frame as the fragments that it is handed on in.
//!
//! Pure. Whoever reads frames sets room aside for each and may keep it, as tungstenite does for as long as
//! a connection lasts; what it collects of a message's fragments goes with the message.

use super::frames::{Header, LAST};

/// Bytes of a fragment, and of the largest frame that stays whole. A multiple of the mask's length, so that
/// every fragment begins where the mask does.
pub(super) const PORTION: u64 = 4 << 10;

/// Where one is in a frame that is handed on in fragments.
#[derive(Debug)]
pub(super) struct Portions {
    /// Bytes of this fragment that have yet to come.
    left: u64,
    /// Bytes of the frame behind it.
    behind: u64,
    /// Whether the frame ends its message.
    last: u8,
    mask: Option<[u8; 4]>,
}

impl Portions {
    /// Whether a frame is handed on in fragments: those of a message may be, and no others.
    pub(super) fn needs(header: &Header) -> bool {
        header.payload > PORTION && !header.is_control()
    }

    /// Where such a frame begins, and the header of its first fragment, which alone has its bits.
    pub(super) fn begin(header: &Header) -> (Self, Header) {
        let Header { first, payload, mask } = *header;
        let behind = payload.saturating_sub(PORTION);
        let left = payload - behind;
        let portions = Self { left, behind, last: first & LAST, mask };
        (portions, Header { first: first & !LAST, payload: left, mask })
    }

    /// How many of so many bytes are this fragment's.
    pub(super) fn within(&self, bytes: usize) -> usize {
        usize::try_from(self.left).map_or(bytes, |left| left.min(bytes))
    }

    /// So many bytes of it have passed; the header of the next, if that follows now.
    pub(super) fn pass(&mut self, bytes: usize) -> Option<Header> {
        self.left = self.left.saturating_sub(bytes as u64);
        if self.left > 0 || self.behind == 0 {
            return None;
        }
        self.left = self.behind.min(PORTION);
        self.behind -= self.left;
        let first = if self.behind == 0 { self.last } else { 0 };
        Some(Header { first, payload: self.left, mask: self.mask })
    }
}

#[cfg(test)]
mod tests;
