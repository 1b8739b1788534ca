//! A client's frames, turned into such that hold nothing compressed, and of which none is large.
//!
//! Pure. What is neither passes as it came; a compressed message comes out as fragments that are masked
//! with nothing, a large frame as fragments that are masked as it was. It leaves to socketioxide to refuse
//! what RFC 6455 forbids, but for what would be hidden by inflating it, and to the one who watches to refuse
//! what is too much.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    super::{
        CloseReason,
        frame::put_header,
        frames::{Course, Head, Header, Inflated, LAST, Message, OPCODE, Seen},
        portions::Portions,
    },
    inflater::{Inflater, Malformed, PIECE},
};

/// The frame's message is compressed.
const COMPRESSED: u8 = 0x40;
/// The bits that no extension uses which was negotiated.
const RESERVED: u8 = 0x30;
const MASKED: u8 = 0x80;

/// Bytes that are unmasked at a time.
const UNMASKED: usize = 512;

/// Where a client is in its frames. Between two messages it holds nothing that is to be kept.
#[derive(Default)]
pub(in crate::edge) struct Inflow {
    /// What the client sent.
    raw: Bytes,
    head: Head,
    course: Course,
    /// Whether the client has not negotiated to compress: what says that it is goes on as it came.
    plain: bool,
    /// The compressed message, from its first frame on.
    message: Option<Inflating>,
    /// The frame at hand, if it goes on in fragments.
    portions: Option<Portions>,
    /// What is ready to be read.
    ready: BytesMut,
}

/// A compressed message.
struct Inflating {
    inflater: Box<Inflater>,
    /// As its frames say.
    on_the_wire: Message,
    /// Bytes that were read of it.
    read: u64,
    inflated: u64,
    /// The kind of the next frame that goes out: the message's own first.
    opcode: u8,
    /// Of the frame at hand, if that is one of the message's.
    mask: Option<[u8; 4]>,
    /// Bytes of the frame at hand that were read.
    at: usize,
    last: bool,
}

impl From<Malformed> for CloseReason {
    fn from(_: Malformed) -> Self {
        Self::Protocol
    }
}

impl Inflow {
    /// From this place between two frames on, for a client that has negotiated to compress or has not.
    pub(in crate::edge) fn behind(course: Course, deflated: bool) -> Self {
        Self { course, plain: !deflated, ..Self::default() }
    }

    /// Takes what the client has sent, once nothing is left of what it sent before.
    pub(in crate::edge) fn take(&mut self, raw: Bytes) {
        debug_assert!(self.raw.is_empty(), "nothing is taken before all was read");
        self.raw = raw;
    }

    /// Writes what is ready to be read, as far as it goes; how much. Nothing is ready only once the client
    /// has to send more.
    ///
    /// # Errors
    /// Why the transport is to be closed.
    pub(in crate::edge) fn read(
        &mut self,
        buf: &mut impl BufMut,
        mut see: impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<usize, CloseReason> {
        let wanted = buf.remaining_mut();
        while self.ready.len() < wanted && self.step(&mut see)? {}
        let taken = wanted.min(self.ready.len());
        buf.put(self.ready.split_to(taken));
        Ok(taken)
    }

    /// Whether a message is under way for which memory is kept.
    pub(in crate::edge) fn is_inflating(&self) -> bool {
        self.message.is_some()
    }

    /// Whether nothing has to be known of what was sent.
    pub(in crate::edge) fn is_at_rest(&self) -> bool {
        let waits = self.raw.has_remaining() || self.ready.has_remaining();
        let between = self.head.is_empty() && self.course.is_between_frames();
        !waits && between && !self.course.is_in_message() && self.message.is_none()
    }

    /// Goes a step on; whether there was one to go.
    fn step(
        &mut self,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<bool, CloseReason> {
        if self.message.as_ref().is_some_and(|message| message.inflater.is_full()) {
            self.put_piece(0);
            return Ok(true);
        }
        if self.course.is_between_frames()
            && self.message.as_ref().is_some_and(|message| message.last)
        {
            self.finish(see)?;
            return Ok(true);
        }
        if self.raw.is_empty() {
            return Ok(false);
        }
        if self.course.is_between_frames() {
            if let Some(header) = self.head.take(self.raw.get_u8()) {
                self.begin(&header, see)?;
            }
        } else if self.message.as_ref().is_some_and(|message| message.mask.is_some()) {
            self.inflate(see)?;
        } else {
            self.pass(see)?;
        }
        Ok(true)
    }

    /// A frame begins.
    fn begin(
        &mut self,
        header: &Header,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        let seen = self.course.begin(header);
        see(seen)?;
        let Seen::Part(message) = seen else {
            self.put_header(header.first, header.payload, header.mask);
            return Ok(());
        };
        let Header { first, mask, .. } = *header;
        let opcode = first & OPCODE;
        let marked = first & (COMPRESSED | RESERVED) == COMPRESSED && matches!(opcode, 1 | 2);
        let begins = marked && !self.plain;
        let inflating = match (&mut self.message, begins) {
            (None, true) => self.message.insert(Inflating::begin(opcode)),
            (Some(inflating), false) if first & (COMPRESSED | RESERVED) == 0 && opcode == 0 => {
                inflating
            }
            (None, false) => {
                self.begin_passing(header);
                return self.end(see);
            }
            // A message within a message, or a fragment with bits of its own.
            (Some(_), _) => return Err(CloseReason::Protocol),
        };
        inflating.on_the_wire = message;
        inflating.last = first & LAST != 0;
        inflating.at = 0;
        // A client has to mask its frames.
        let mask = mask.ok_or(CloseReason::Protocol)?;
        inflating.mask = (header.payload > 0).then_some(mask);
        Ok(())
    }

    /// A frame of a message begins that is not compressed.
    fn begin_passing(&mut self, header: &Header) {
        let mut header = *header;
        if Portions::needs(&header) {
            let (portions, first) = Portions::begin(&header);
            self.portions = Some(portions);
            header = first;
        }
        self.put_header(header.first, header.payload, header.mask);
    }

    /// Passes what is not compressed.
    fn pass(
        &mut self,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        let bytes = self.course.within(self.raw.len()).min(PIECE);
        let bytes = self.portions.as_ref().map_or(bytes, |portions| portions.within(bytes));
        self.ready.put(self.raw.split_to(bytes));
        self.course.pass(bytes);
        let next = self.portions.as_mut().and_then(|portions| portions.pass(bytes));
        if let Some(Header { first, payload, mask }) = next {
            self.put_header(first, payload, mask);
        }
        if self.course.is_between_frames() {
            self.portions = None;
        }
        self.end(see)
    }

    /// The end of a frame that is not compressed may be that of its message.
    fn end(
        &mut self,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        // That of a compressed one comes once all of it is out.
        if self.message.is_none() && self.course.end() { see(Seen::End) } else { Ok(()) }
    }

    /// Inflates some of the frame at hand.
    fn inflate(
        &mut self,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        let Some(message) = &mut self.message else { return Ok(()) };
        let bytes = self.course.within(self.raw.len()).min(UNMASKED);
        let mut plain = [0; UNMASKED];
        let plain = &mut plain[..bytes];
        let mask = message.mask.unwrap_or_default().into_iter().cycle().skip(message.at % 4);
        for ((plain, masked), mask) in plain.iter_mut().zip(&self.raw).zip(mask) {
            *plain = masked ^ mask;
        }
        let (read, more) = message.inflater.read(plain)?;
        message.at += read;
        message.read += read as u64;
        self.raw.advance(read);
        self.course.pass(read);
        if self.course.is_between_frames() {
            // What comes next may be a ping.
            message.mask = None;
        }
        message.grow(more, see)
    }

    /// Inflates what is left of a message all of which has come.
    fn finish(
        &mut self,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        let Some(message) = &mut self.message else { return Ok(()) };
        // One without a byte is an empty one.
        let (more, ended) =
            if message.on_the_wire.bytes == 0 { (0, true) } else { message.inflater.finish()? };
        message.grow(more, see)?;
        if !ended {
            return Ok(());
        }
        self.put_piece(LAST);
        if let Some(message) = self.message.take() {
            message.inflater.give_back();
        }
        self.end(see)
    }

    /// Has the piece read as a fragment.
    fn put_piece(&mut self, last: u8) {
        let Some(message) = &mut self.message else { return };
        let first = last | std::mem::take(&mut message.opcode);
        let length = message.inflater.piece().len() as u64;
        self.put_header(first, length, Some([0; 4]));
        let Some(message) = &mut self.message else { return };
        self.ready.put_slice(message.inflater.piece());
        message.inflater.clear();
    }

    fn put_header(&mut self, first: u8, payload: u64, mask: Option<[u8; 4]>) {
        let at = self.ready.len();
        put_header(&mut self.ready, first, payload);
        if let Some(mask) = mask {
            self.ready[at + 1] |= MASKED;
            self.ready.put_slice(&mask);
        }
    }
}

impl Inflating {
    fn begin(opcode: u8) -> Self {
        Self {
            inflater: Inflater::take(),
            on_the_wire: Message { bytes: 0, binary: opcode != 1 },
            read: 0,
            inflated: 0,
            opcode,
            mask: None,
            at: 0,
            last: false,
        }
    }

    /// So much more was inflated.
    fn grow(
        &mut self,
        more: usize,
        see: &mut impl FnMut(Seen) -> Result<(), CloseReason>,
    ) -> Result<(), CloseReason> {
        if more == 0 {
            return Ok(());
        }
        let more = more as u64;
        self.inflated += more;
        let message = Message { bytes: self.inflated, binary: self.on_the_wire.binary };
        see(Seen::Inflated(Inflated { message, more, of: self.read }))
    }
}

#[cfg(test)]
mod tests;
