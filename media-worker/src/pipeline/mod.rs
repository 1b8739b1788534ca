//! What becomes of an upload: bytes and limits in, renditions or a clear refusal out.
//!
//! No network, no files, no queue: the callers own those. The type is decided by the bytes alone. All
//! that is kept of an image are its pixels, so no metadata, comment or script gets through.

mod animation;
mod colour;
mod gif;
mod guard;
mod jpeg;
mod kind;
mod limits;
mod orientation;
mod picture;
mod planes;
mod png;
mod raster;
mod refusal;
mod rendition;
mod resample;
mod voice;
mod wav;
mod webp;

pub use guard::process;
pub use limits::Limits;
pub use refusal::Refusal;
pub use rendition::{Media, Rendition};

use kind::Kind;
use limits::Deadline;
use picture::Picture;

/// The work of [`process`], on the caller's thread: a panic of a decoder is the caller's.
fn work(bytes: &[u8], limits: &Limits) -> Result<Media, Refusal> {
    let kind = admit(bytes, limits)?;
    let deadline = Deadline::starting_now(limits.time);
    deadline.check()?;
    let picture = match kind {
        Kind::Jpeg => jpeg::decode(bytes, limits, &deadline)?,
        Kind::Png => png::decode(bytes, limits, &deadline)?,
        Kind::WebP => webp::decode(bytes, limits, &deadline)?,
        Kind::Gif => match gif::decode(bytes, limits, &deadline)? {
            gif::Gif::Still(picture) => picture,
            gif::Gif::Animated(frames) => {
                return animation::renditions(frames, limits, &deadline);
            }
        },
        Kind::Wav => return wav::compress(bytes, limits, &deadline),
        Kind::OggOpus | Kind::WebmOpus | Kind::Mp4Aac | Kind::AdtsAac => {
            return Ok(voice::pass(bytes, kind));
        }
    };
    rendition::of_picture(&picture, limits, &deadline)
}

/// What can be said from the size and the first bytes.
fn admit(bytes: &[u8], limits: &Limits) -> Result<Kind, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::broken("The file is empty: choose another"));
    }
    if bytes.len() > limits.bytes {
        return Err(Refusal::of_size(bytes.len(), limits.bytes));
    }
    kind::of(bytes)
}
