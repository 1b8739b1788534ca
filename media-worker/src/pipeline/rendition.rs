//! What is stored and shown of an upload.

use super::limits::Deadline;
use super::{Limits, Picture, Refusal};

/// Everything that an upload becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    pub main: Rendition,
    /// Only of a picture that is larger than a thumbnail.
    pub thumbnail: Option<Rendition>,
    /// A picture in some 30 characters, to show while it loads; see <https://blurha.sh>.
    pub blurhash: Option<String>,
}

/// One file to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    pub bytes: Vec<u8>,
    /// The `Content-Type` to serve it with.
    pub mime: &'static str,
    /// In pixels; a sound has none.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// The longer side of what the blurhash is made from: more pixels do not change it.
const BLURHASH_SIDE: u32 = 32;

/// The thumbnail is made from the main picture, which is already small, and the blurhash from that.
pub(super) fn of_picture(
    picture: &Picture,
    limits: &Limits,
    deadline: &Deadline,
) -> Result<Media, Refusal> {
    let main = picture.encode()?;
    deadline.check()?;
    let small = picture.reduced(limits.thumbnail_side)?;
    let thumbnail = small.as_ref().map(Picture::encode).transpose()?;
    deadline.check()?;
    let blurhash = blurhash(small.as_ref().unwrap_or(picture))?;
    Ok(Media { main, thumbnail, blurhash })
}

fn blurhash(picture: &Picture) -> Result<Option<String>, Refusal> {
    let tiny = picture.reduced(BLURHASH_SIDE)?;
    let tiny = tiny.as_ref().unwrap_or(picture).to_raster();
    let (x, y) = if tiny.width >= tiny.height { (4, 3) } else { (3, 4) };
    Ok(blurhash::encode(x, y, tiny.width, tiny.height, &tiny.rgba_on_white()).ok())
}
