//! What a file is, by its first bytes. What its name or sender claims is never asked.

use super::Refusal;

/// The types that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    WebP,
    Gif,
    Wav,
    OggOpus,
    WebmOpus,
    Mp4Aac,
    AdtsAac,
}

/// What is taken, for people.
const TAKEN: &str = "send a JPEG, PNG, WebP or GIF picture, or a voice note (Opus, AAC or WAV)";

pub(super) fn of(bytes: &[u8]) -> Result<Kind, Refusal> {
    let at = |offset: usize, magic: &[u8]| {
        bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    if at(0, b"\xFF\xD8\xFF") {
        Ok(Kind::Jpeg)
    } else if at(0, b"\x89PNG\r\n\x1A\n") {
        Ok(Kind::Png)
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Ok(Kind::Gif)
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Ok(Kind::WebP)
    } else if at(0, b"RIFF") && at(8, b"WAVE") {
        Ok(Kind::Wav)
    } else if at(0, b"OggS") {
        // The first page holds nothing but the first packet, 28 bytes in.
        if at(28, b"OpusHead") { Ok(Kind::OggOpus) } else { Err(other("an Ogg file without Opus")) }
    } else if at(0, b"\x1A\x45\xDF\xA3") {
        webm(bytes)
    } else if at(4, b"ftyp") {
        iso_media(bytes)
    } else if adts(bytes) {
        Ok(Kind::AdtsAac)
    } else {
        Err(Refusal::unsupported(format!("The file is of no type that is taken: {TAKEN}")))
    }
}

/// `WebM` with Opus and no picture. The headers of all tracks come before the first cluster.
fn webm(bytes: &[u8]) -> Result<Kind, Refusal> {
    let end = position(bytes, b"\x1F\x43\xB6\x75").unwrap_or(bytes.len());
    let head = bytes.get(..end).unwrap_or(bytes);
    let has = |text: &[u8]| position(head, text).is_some();
    if has(b"webm") && has(b"A_OPUS") && !has(b"V_") {
        Ok(Kind::WebmOpus)
    } else {
        Err(other("a Matroska or WebM file other than a voice note with Opus"))
    }
}

/// MP4 with AAC and no picture; its `moov` may be at either end.
fn iso_media(bytes: &[u8]) -> Result<Kind, Refusal> {
    let brand = bytes.get(8..12).unwrap_or_default();
    if matches!(brand, b"avif" | b"avis") {
        return Err(other("an AVIF picture: save it as JPEG"));
    }
    if matches!(brand, b"heic" | b"heix" | b"mif1" | b"msf1" | b"hevc") {
        return Err(other("a HEIF picture: save it as JPEG"));
    }
    let has = |text: &[u8]| position(bytes, text).is_some();
    if has(b"moov") && has(b"soun") && has(b"mp4a") && !has(b"vide") {
        Ok(Kind::Mp4Aac)
    } else {
        Err(other("an MP4 file other than a voice note with AAC"))
    }
}

/// Two ADTS frames, one right after the other: a sync word alone is in many files.
fn adts(bytes: &[u8]) -> bool {
    let length = |at: usize| match bytes.get(at..at + 7) {
        Some([0xFF, sync, _, a, b, c, _]) if sync & 0xF6 == 0xF0 => {
            Some((usize::from(a & 3) << 11) | (usize::from(*b) << 3) | usize::from(c >> 5))
        }
        _ => None,
    };
    length(0).is_some_and(|first| first > 7 && length(first).is_some())
}

fn position(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}

fn other(what: &str) -> Refusal {
    Refusal::unsupported(format!("The file is {what}. That is not taken: {TAKEN}"))
}
