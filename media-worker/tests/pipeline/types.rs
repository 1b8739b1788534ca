//! What a file is, its bytes decide.

use media_worker::pipeline::{Limits, process};
use wire::ErrorCode;

use super::make::{jpeg, refused, taken};

#[test]
fn what_is_no_media_is_refused() {
    let limit = wire::event::MAX_FILE_BYTES;
    let mut just_too_long = jpeg(16, 16);
    just_too_long.resize(limit + 1, 0);
    let table: [(&str, &[u8], ErrorCode); 15] = [
        ("nothing", b"", ErrorCode::Invalid),
        ("one byte more than allowed", &just_too_long, ErrorCode::TooLarge),
        (
            "HTML, called .jpg",
            b"<!doctype html><script>alert(1)</script>",
            ErrorCode::UnsupportedMedia,
        ),
        (
            "SVG",
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            ErrorCode::UnsupportedMedia,
        ),
        (
            "SVG with a prologue",
            b"<?xml version='1.0'?><svg onload='alert(1)'/>",
            ErrorCode::UnsupportedMedia,
        ),
        ("PDF", b"%PDF-1.7\n", ErrorCode::UnsupportedMedia),
        ("ZIP", b"PK\x03\x04", ErrorCode::UnsupportedMedia),
        ("a program", b"\x7FELF\x02\x01\x01", ErrorCode::UnsupportedMedia),
        ("text", b"hello", ErrorCode::UnsupportedMedia),
        ("AVIF", b"\0\0\0\x1Cftypavif\0\0\0\0", ErrorCode::UnsupportedMedia),
        ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0", ErrorCode::UnsupportedMedia),
        (
            "Ogg without Opus",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1E\x01vorbis",
            ErrorCode::UnsupportedMedia,
        ),
        (
            "a film",
            b"\x1A\x45\xDF\xA3webm V_VP9 A_OPUS\x1F\x43\xB6\x75",
            ErrorCode::UnsupportedMedia,
        ),
        ("a JPEG of three bytes", b"\xFF\xD8\xFF", ErrorCode::Invalid),
        ("a PNG of eight bytes", b"\x89PNG\r\n\x1A\n", ErrorCode::Invalid),
    ];
    for (what, bytes, code) in table {
        let refusal = refused(bytes);
        assert_eq!(refusal.code, code, "{what}: {refusal}");
        assert!(
            refusal.message.contains(": ") || refusal.message.contains("That is not taken"),
            "{what}: {refusal}"
        );
    }
}

#[test]
fn as_many_bytes_as_allowed_are_taken() {
    // What follows the end of a JPEG is no part of it.
    let mut bytes = jpeg(16, 16);
    bytes.resize(wire::event::MAX_FILE_BYTES, 0);
    let media = taken(&bytes);
    assert!(media.main.bytes.len() < 2_000);
}

#[test]
fn every_beginning_of_a_file_ends_in_an_answer() {
    let whole = [jpeg(40, 24), super::make::gif(9, 7, 3), super::make::wav(8_000, 1, 1)];
    for bytes in whole {
        for end in (0..bytes.len().min(1_500)).step_by(3) {
            let _ = process(&bytes[..end], &Limits::default());
        }
    }
}
