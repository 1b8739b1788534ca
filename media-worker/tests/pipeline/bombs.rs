//! Files that would cost the worker its memory or its time.

use std::time::{Duration, Instant};

use media_worker::pipeline::{Limits, process};
use wire::ErrorCode;

use super::make::{Jpeg, gif, has, huge_png, jpeg, pixels, png, quarters, refused, taken, wav};

#[test]
fn a_png_of_2500_megapixels_is_refused_by_its_header() {
    let bytes = huge_png(50_000, 50_000);
    assert!(bytes.len() < 1_024);
    let refusal = refused(&bytes);
    assert_eq!(refusal.code, ErrorCode::TooLarge);
    assert!(refusal.message.contains("50000 x 50000"), "{refusal}");
}

#[test]
fn other_huge_pictures_are_refused_by_their_headers() {
    let mut jpeg = jpeg(16, 16);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg.splice(frame + 5..frame + 9, [0xEA, 0x60, 0xEA, 0x60]); // 60,000 x 60,000
    let mut gif = gif(1, 1, 1);
    gif.splice(6..10, [0xFF; 4]);
    let webp = [
        b"RIFF\x1A\0\0\0WEBPVP8L\x0D\0\0\0\x2F".as_slice(),
        &(0x3FFE_u32 << 14 | 0x3FFE).to_le_bytes(),
        &[0; 9],
    ]
    .concat();
    for bytes in [jpeg, gif, webp] {
        let refusal = refused(&bytes);
        assert_eq!(refusal.code, ErrorCode::TooLarge, "{refusal}");
    }
}

#[test]
fn a_gif_of_10_000_frames_is_refused() {
    let refusal = refused(&gif(8, 8, 10_000));
    assert_eq!(refusal.code, ErrorCode::TooLarge);
    assert!(refusal.message.contains("500 frames"), "{refusal}");
}

#[test]
fn few_frames_with_too_many_pixels_are_refused() {
    let limits = Limits { animation_pixels: 1_000, ..Limits::default() };
    assert!(process(&gif(16, 16, 3), &limits).is_ok());
    assert_eq!(process(&gif(16, 16, 4), &limits).unwrap_err().code, ErrorCode::TooLarge);
    assert_eq!(refused(&gif(2_049, 4, 2)).code, ErrorCode::TooLarge);
}

#[test]
fn a_picture_within_the_pixels_but_not_the_memory_is_refused() {
    let limits = Limits { memory: 100_000, ..Limits::default() };
    let rgb = quarters(200, 200);
    let progressive = Jpeg { progressive: true, ..Jpeg::default() };
    for bytes in [
        png(200, 200, png::ColorType::Rgb, &rgb),
        Jpeg::default().write(200, 200, &rgb),
        progressive.write(180, 180, &quarters(180, 180)),
        gif(200, 200, 1),
    ] {
        let refusal = process(&bytes, &limits).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::TooLarge, "{refusal}");
        assert!(refusal.message.contains("MB"), "{refusal}");
    }
    // The same as baseline needs no coefficients.
    assert!(process(&jpeg(180, 180), &limits).is_ok());
}

#[test]
fn a_jpeg_of_thousands_of_scans_is_refused() {
    let file = Jpeg { progressive: true, ..Jpeg::default() };
    let mut bytes = file.write(64, 64, &quarters(64, 64));
    let last = bytes.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let scan = bytes[last..bytes.len() - 2].to_vec();
    bytes.truncate(bytes.len() - 2);
    for _ in 0..5_000 {
        bytes.extend(&scan);
    }
    bytes.extend([0xFF, 0xD9]);
    let started = Instant::now();
    let refusal = refused(&bytes);
    assert_eq!(refusal.code, ErrorCode::TooLarge);
    assert!(refusal.message.contains("scans"), "{refusal}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_jpeg_that_is_cut_short_is_refused() {
    let noise = |width: u32, height: u32| {
        pixels(width, height, |x, y| {
            let value = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).to_le_bytes();
            [value[0], value[1], value[2]]
        })
    };
    for progressive in [false, true] {
        let file = Jpeg { progressive, ..Jpeg::default() };
        let bytes = file.write(300, 200, &noise(300, 200));
        taken(&bytes);
        for part in [4, 2] {
            let refusal = refused(&bytes[..bytes.len() - bytes.len() / part]);
            assert_eq!(refusal.code, ErrorCode::Invalid);
            assert!(refusal.message.contains("cut short"), "{refusal}");
        }
    }
}

#[test]
fn other_files_that_are_cut_short_are_refused() {
    let rgb = quarters(300, 200);
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp)
        .encode(&rgb, 300, 200, image_webp::ColorType::Rgb8)
        .unwrap();
    for bytes in [png(300, 200, png::ColorType::Rgb, &rgb), webp, gif(100, 100, 4)] {
        taken(&bytes);
        let refusal = refused(&bytes[..bytes.len() / 2]);
        assert_eq!(refusal.code, ErrorCode::Invalid, "{refusal}");
    }
}

#[test]
fn what_takes_too_long_is_refused() {
    let limits = Limits { time: Duration::ZERO, ..Limits::default() };
    for bytes in [jpeg(64, 64), gif(8, 8, 3), wav(8_000, 1, 1)] {
        let refusal = process(&bytes, &limits).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::TooLarge);
        assert!(refusal.message.contains("0 ms"), "{refusal}");
    }
}

#[test]
fn damage_of_any_byte_ends_in_an_answer() {
    let files = [jpeg(33, 17), gif(9, 7, 2), png(9, 7, png::ColorType::Rgb, &quarters(9, 7))];
    for whole in files {
        for at in 0..whole.len() {
            for value in [0, 0x7F, 0xFF] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                if let Ok(media) = process(&bytes, &Limits::default()) {
                    assert!(!has(&media.main.bytes, b"Exif"));
                }
            }
        }
    }
}
