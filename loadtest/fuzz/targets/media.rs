//! Files: pictures and sounds in every state of repair, under small limits. What comes out keeps the
//! limits and is a file that would be taken again; what is refused says why.
//!
//! A panic of a decoder is a refusal to the sender, and a finding here.
#![no_main]

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use pipeline::{Limits, Media, Rendition};
use wire::ErrorCode;

// Not by the crate `media-worker`: that would build the AWS SDK as well, instrumented.
#[allow(dead_code)]
#[path = "../../../media-worker/src/pipeline/mod.rs"]
mod pipeline;

const LIMITS: Limits = Limits {
    bytes: 64 << 10,
    pixels: 200_000,
    memory: 8 << 20,
    time: Duration::from_secs(5),
    frames: 12,
    animation_pixels: 200_000,
    sound: Duration::from_secs(2),
    side: 64,
    thumbnail_side: 24,
};

fuzz_target!(|bytes: &[u8]| {
    let started = Instant::now();
    match pipeline::process(bytes, &LIMITS) {
        Ok(media) => check(&media),
        Err(refusal) => {
            use ErrorCode::{Invalid, TooLarge, UnsupportedMedia};
            assert!(matches!(refusal.code, Invalid | TooLarge | UnsupportedMedia));
            assert!((10..500).contains(&refusal.message.len()), "{}", refusal.message);
        }
    }
    assert!(started.elapsed() < 2 * LIMITS.time, "it took {:?}", started.elapsed());
});

fn check(media: &Media) {
    fits(&media.main, LIMITS.side);
    if let Some(thumbnail) = &media.thumbnail {
        fits(thumbnail, LIMITS.thumbnail_side);
        assert!(thumbnail.mime.starts_with("image/"));
    }
    let is_picture = media.main.mime.starts_with("image/");
    assert_eq!(media.blurhash.is_some(), is_picture);
    assert!(media.blurhash.as_ref().is_none_or(|hash| (6..100).contains(&hash.len())));
    // A rendition may be larger than a small upload.
    let limits = Limits { bytes: 1 << 20, ..LIMITS };
    let again = pipeline::process(&media.main.bytes, &limits)
        .unwrap_or_else(|refusal| panic!("{} is refused: {}", media.main.mime, refusal.message));
    assert_eq!(again.main.mime, media.main.mime);
}

fn fits(rendition: &Rendition, side: u32) {
    let within = |length: Option<u32>| length.is_none_or(|length| (1..=side).contains(&length));
    assert!(
        within(rendition.width) && within(rendition.height),
        "{:?} x {:?}",
        rendition.width,
        rendition.height
    );
    assert!(!rendition.bytes.is_empty());
}
