//! How many packets a polling body may hold, and in what portions it is handed on.
//!
//! Pure. Each packet is work, and may be answered, however small it is; socketioxide takes all packets
//! of a body in one go. It leaves to others how fast a client may send them.

use bytes::Bytes;

/// What stands between two packets.
const SEPARATOR: u8 = 0x1e;
/// Packets in a body before a token was shown: one a namespace, and what upkeep takes.
const FIRST_PACKETS: usize = 16;
/// Packets in a body. A client sends at once whatever waited while its last request was on its way:
/// many times more than may come at once by the default limits.
const MOST_PACKETS: usize = 4 << 10;
/// Packets that are handed on without a pause for other clients.
const PORTION: usize = 64;

/// A body whose packets are not too many.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packets(Bytes);

/// Some packets of a body, as a body of their own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Portion {
    pub(super) body: Bytes,
    pub(super) packets: u32,
}

impl Packets {
    /// `None` if there are too many for one who has shown a token, or has not.
    pub(super) fn of(body: Bytes, admitted: bool) -> Option<Self> {
        let most = if admitted { MOST_PACKETS } else { FIRST_PACKETS };
        // As many separators are one packet more.
        let too_many = ends(&body).nth(most - 1).is_some_and(|end| end < body.len());
        (!too_many).then_some(Self(body))
    }
}

impl Iterator for Packets {
    type Item = Portion;

    fn next(&mut self) -> Option<Portion> {
        if self.0.is_empty() {
            return None;
        }
        let (mut packets, mut end) = (0, 0);
        for packet_end in ends(&self.0).take(PORTION) {
            (packets, end) = (packets + 1, packet_end);
        }
        if packets < PORTION {
            // The last packet needs no separator.
            packets += usize::from(end < self.0.len());
            end = self.0.len();
        }
        let packets = u32::try_from(packets).unwrap_or(u32::MAX);
        Some(Portion { body: self.0.split_to(end), packets })
    }
}

/// Where packets end: behind each separator.
fn ends(body: &[u8]) -> impl Iterator<Item = usize> {
    body.iter().enumerate().filter(|(_, byte)| **byte == SEPARATOR).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(packets: usize) -> Bytes {
        vec![r#"42["a"]"#; packets].join("\u{1e}").into()
    }

    #[test]
    fn so_many_packets_are_taken_and_no_more() {
        for (most, admitted) in [(FIRST_PACKETS, false), (MOST_PACKETS, true)] {
            let portions = Packets::of(body(most), admitted).expect("they are not too many");
            let packets: Vec<_> = portions.map(|portion| portion.packets as usize).collect();
            assert_eq!(packets.iter().sum::<usize>(), most);
            assert!(packets.iter().all(|count| *count <= PORTION));
            assert_eq!(Packets::of(body(most + 1), admitted), None);
            let separators = vec![SEPARATOR; most + 1];
            assert_eq!(Packets::of(separators.into(), admitted), None);
        }
    }

    #[test]
    fn an_empty_body_has_no_packets() {
        assert_eq!(Packets::of(Bytes::new(), false).map(Iterator::count), Some(0));
    }

    proptest! {
        /// No byte is lost, and no packet is cut or counted twice.
        #[test]
        fn portions_are_the_body(texts in prop::collection::vec("[a-z]{0,3}", 0..300)) {
            let whole = Bytes::from(texts.join("\u{1e}"));
            let portions: Vec<_> =
                Packets::of(whole.clone(), true).expect("they are few").collect();
            let joined: Vec<u8> =
                portions.iter().flat_map(|portion| portion.body.iter().copied()).collect();
            prop_assert_eq!(&joined, &whole.to_vec());
            let packets: u32 = portions.iter().map(|portion| portion.packets).sum();
            // What ends with a separator has no packet behind it.
            let texts = whole.split(|byte| *byte == SEPARATOR).count();
            let last = usize::from(whole.is_empty() || whole.ends_with(&[SEPARATOR]));
            prop_assert_eq!(packets as usize, texts - last);
            let Some((_, before)) = portions.split_last() else { return Ok(()) };
            prop_assert!(before.iter().all(|portion| portion.body.ends_with(&[SEPARATOR])));
        }
    }
}
