//! Inflating one message, piece by piece.

use std::cell::RefCell;

use flate2::{Decompress, FlushDecompress, Status};

/// What one takes in memory, about: the window, the codes, the piece.
pub(in crate::edge) const INFLATER: u64 = 48 << 10;

/// Bytes that are inflated at a time: with a header before them they fit the buffer by which a WebSocket
/// reads.
pub(super) const PIECE: usize = 500;

/// What a sender leaves out, and behind it an end, which is found only where one can be: a message that
/// was cut off does not end there.
const TAIL: [u8; 9] = [0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff];

thread_local! {
    /// For the next message, which on most threads is begun after the last was ended.
    static SPARE: RefCell<Option<Box<Inflater>>> = const { RefCell::new(None) };
}

/// The message is not what a compressor makes.
#[derive(Debug)]
pub(super) struct Malformed;

/// The state of one message.
pub(super) struct Inflater {
    inflate: Decompress,
    piece: [u8; PIECE],
    /// Bytes of the piece that are there.
    filled: usize,
    /// Bytes of the tail that were read.
    tail: usize,
    /// Ends within the message.
    ends: usize,
}

impl Inflater {
    pub(super) fn take() -> Box<Self> {
        let spare = SPARE.with_borrow_mut(Option::take);
        let mut inflater = spare.unwrap_or_else(|| {
            let inflate = Decompress::new(false);
            Box::new(Self { inflate, piece: [0; PIECE], filled: 0, tail: 0, ends: 0 })
        });
        inflater.inflate.reset(false);
        (inflater.filled, inflater.tail, inflater.ends) = (0, 0, 0);
        inflater
    }

    /// Keeps it for the thread's next message.
    pub(super) fn give_back(self: Box<Self>) {
        SPARE.set(Some(self));
    }

    /// What has come of the message and was not taken yet.
    pub(super) fn piece(&self) -> &[u8] {
        &self.piece[..self.filled]
    }

    pub(super) fn is_full(&self) -> bool {
        self.filled == PIECE
    }

    /// The piece was taken.
    pub(super) fn clear(&mut self) {
        self.filled = 0;
    }

    /// Reads on, until the piece is full; how many bytes were read, and how many came of them.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Result<(usize, usize), Malformed> {
        let (mut read, filled) = (0, self.filled);
        while read < bytes.len() && !self.is_full() {
            let (more, ended) = self.step(&bytes[read..])?;
            read += more;
            if ended {
                // A sender may end its stream with each message, once: behind it comes another.
                self.ends += 1;
                if self.ends > 1 {
                    return Err(Malformed);
                }
                self.inflate.reset(false);
            }
        }
        Ok((read, self.filled - filled))
    }

    /// Reads the end of the message, until the piece is full; how much came of it, and whether that is
    /// all.
    pub(super) fn finish(&mut self) -> Result<(usize, bool), Malformed> {
        let filled = self.filled;
        while !self.is_full() {
            let (read, ended) = self.step(&TAIL[self.tail..])?;
            self.tail += read;
            if ended {
                let whole = self.tail == TAIL.len();
                return if whole { Ok((self.filled - filled, true)) } else { Err(Malformed) };
            }
        }
        Ok((self.filled - filled, false))
    }

    /// How much was read, and whether the stream has ended.
    fn step(&mut self, bytes: &[u8]) -> Result<(usize, bool), Malformed> {
        let (read, written) = (self.inflate.total_in(), self.inflate.total_out());
        let room = &mut self.piece[self.filled..];
        let status = self.inflate.decompress(bytes, room, FlushDecompress::Sync);
        let ended = status.map_err(|_| Malformed)? == Status::StreamEnd;
        // No more than what there was, in memory.
        #[allow(clippy::cast_possible_truncation)]
        let (read, written) = (
            (self.inflate.total_in() - read) as usize,
            (self.inflate.total_out() - written) as usize,
        );
        self.filled += written;
        if read == 0 && written == 0 && !ended {
            return Err(Malformed);
        }
        Ok((read, ended))
    }
}
