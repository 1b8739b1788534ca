//! Voice notes that are small already: their bytes are kept.

use super::{Kind, Media, Rendition};

pub(super) fn pass(bytes: &[u8], kind: Kind) -> Media {
    let mime = match kind {
        Kind::WebmOpus => "audio/webm",
        Kind::Mp4Aac => "audio/mp4",
        Kind::AdtsAac => "audio/aac",
        _ => "audio/ogg",
    };
    sound(bytes.to_vec(), mime)
}

pub(super) fn sound(bytes: Vec<u8>, mime: &'static str) -> Media {
    let main = Rendition { bytes, mime, width: None, height: None };
    Media { main, thumbnail: None, blurhash: None }
}
