//! Pictures are turned as EXIF says, in each format that carries it.

use super::make::{
    BLUE, GREEN, Jpeg, QUARTERS, RED, WHITE, assert_quarters, exif, exif_marker, png_with,
    quarters, taken,
};

/// What is to be seen of the quarters red, green / blue, white as stored.
const TABLE: [(u8, [[u8; 4]; 4]); 8] = [
    (1, QUARTERS),
    (2, [GREEN, RED, WHITE, BLUE]),
    (3, [WHITE, BLUE, GREEN, RED]),
    (4, [BLUE, WHITE, RED, GREEN]),
    (5, [RED, BLUE, GREEN, WHITE]),
    (6, [BLUE, RED, WHITE, GREEN]),
    (7, [WHITE, GREEN, BLUE, RED]),
    (8, [GREEN, WHITE, RED, BLUE]),
];

fn expected_size(orientation: u8, width: u32, height: u32) -> (Option<u32>, Option<u32>) {
    if orientation < 5 { (Some(width), Some(height)) } else { (Some(height), Some(width)) }
}

#[test]
fn jpeg_whether_planes_or_pixels_are_turned() {
    // Even sides stay planes, odd ones do not; the last is made smaller.
    for (stored, shown) in
        [((160, 96), (160, 96)), ((161, 97), (161, 97)), ((2400, 1200), (2048, 1024))]
    {
        for (orientation, expected) in TABLE {
            let file = Jpeg { markers: vec![exif_marker(orientation)], ..Jpeg::default() };
            let media = taken(&file.write(stored.0, stored.1, &quarters(stored.0, stored.1)));
            let size = (media.main.width, media.main.height);
            assert_eq!(size, expected_size(orientation, shown.0, shown.1), "{orientation}");
            assert_quarters(&media.main, expected, 8);
            if let Some(thumbnail) = media.thumbnail {
                assert_quarters(&thumbnail, expected, 8);
            }
        }
    }
}

#[test]
fn png_and_webp() {
    for (orientation, expected) in TABLE {
        let pixels = quarters(60, 40);
        let info =
            |info: &mut png::Info<'static>| info.exif_metadata = Some(exif(orientation).into());
        let png = png_with(60, 40, png::ColorType::Rgb, png::BitDepth::Eight, &pixels, info);
        let mut webp = Vec::new();
        let mut encoder = image_webp::WebPEncoder::new(&mut webp);
        encoder.set_exif_metadata(exif(orientation));
        encoder.encode(&pixels, 60, 40, image_webp::ColorType::Rgb8).unwrap();
        for file in [png, webp] {
            let media = taken(&file);
            assert_eq!((media.main.width, media.main.height), expected_size(orientation, 60, 40));
            assert_quarters(&media.main, expected, 8);
        }
    }
}
