//! Each format in its varieties: the picture is the same, whatever it was stored as.

use mozjpeg::ColorSpace;

use super::make::{
    self, Jpeg, QUARTERS, assert_quarters, gif, jpeg, look, near, pixels, png, png_with, quarters,
    taken,
};

#[test]
fn jpeg_in_all_ways_to_store_it() {
    let rgb = quarters(320, 160);
    let inks = pixels(320, 160, |x, y| {
        // As Adobe stores them: 255 is no ink.
        let at = ((y * 320 + x) * 3) as usize;
        [rgb[at], rgb[at + 1], rgb[at + 2], 255]
    });
    let cmyk =
        Jpeg { pixels: ColorSpace::JCS_CMYK, stored: ColorSpace::JCS_CMYK, ..Jpeg::default() };
    let ycck =
        Jpeg { pixels: ColorSpace::JCS_CMYK, stored: ColorSpace::JCS_YCCK, ..Jpeg::default() };
    let plain_rgb = Jpeg { stored: ColorSpace::JCS_RGB, ..Jpeg::default() };
    let mut files = vec![
        ("CMYK", cmyk.write(320, 160, &inks)),
        ("YCCK", ycck.write(320, 160, &inks)),
        ("RGB", plain_rgb.write(320, 160, &rgb)),
    ];
    for progressive in [false, true] {
        for sampling in [(1, 1), (2, 1), (1, 2), (2, 2)] {
            let file = Jpeg { progressive, sampling, ..Jpeg::default() };
            files.push(("YCbCr", file.write(320, 160, &rgb)));
        }
    }
    for (what, bytes) in files {
        let media = taken(&bytes);
        assert_eq!((media.main.width, media.main.height), (Some(320), Some(160)), "{what}");
        assert_eq!(media.main.mime, "image/jpeg");
        assert_quarters(&media.main, QUARTERS, 8);
        assert!(media.thumbnail.is_none(), "a picture of the thumbnail's size is its own");
    }
}

#[test]
fn grey_jpeg() {
    let grey = Jpeg {
        pixels: ColorSpace::JCS_GRAYSCALE,
        stored: ColorSpace::JCS_GRAYSCALE,
        ..Jpeg::default()
    };
    let media = taken(&grey.write(50, 50, &[90; 2_500]));
    assert_quarters(&media.main, [[90, 90, 90, 255]; 4], 2);
}

#[test]
fn jpeg_of_every_size_up_to_four_blocks() {
    for width in 1..=33 {
        for height in [1, 2, 7, 8, 9, 15, 16, 17, 32, 33] {
            let flat = pixels(width, height, |_, _| [10, 120, 200]);
            for sampling in [(1, 1), (2, 1), (2, 2)] {
                let file = Jpeg { sampling, ..Jpeg::default() };
                let (found_width, found_height, rgba) =
                    look(&taken(&file.write(width, height, &flat)).main);
                assert_eq!((found_width, found_height), (width, height));
                for pixel in rgba.chunks_exact(4) {
                    let pixel = [pixel[0], pixel[1], pixel[2], pixel[3]];
                    assert!(near(pixel, [10, 120, 200, 255], 4), "{width}x{height}: {pixel:?}");
                }
            }
        }
    }
}

#[test]
fn large_pictures_become_small_ones_with_a_thumbnail() {
    // At 8/8, at 4/8, and at 2/8.
    for (width, height) in [(4_000, 3_000), (4_800, 3_600), (8_200, 1_025)] {
        let media = taken(&jpeg(width, height));
        let (main, thumbnail) = (media.main, media.thumbnail.unwrap());
        assert_eq!(main.width, Some(2_048));
        assert_eq!(thumbnail.width, Some(320));
        let shape = f64::from(width) / f64::from(height);
        for rendition in [&main, &thumbnail] {
            let found = f64::from(rendition.width.unwrap()) / f64::from(rendition.height.unwrap());
            assert!((found / shape - 1.0).abs() < 0.02, "{width}x{height}: {found}");
            assert_quarters(rendition, QUARTERS, 8);
        }
        assert!(thumbnail.bytes.len() < main.bytes.len());
        assert!(media.blurhash.unwrap().len() == 28);
    }
}

#[test]
fn png_in_all_ways_to_store_it() {
    use png::{BitDepth, ColorType};
    let rgb = quarters(64, 64);
    let wide: Vec<u8> = rgb.iter().flat_map(|&value| [value, value]).collect();
    let indices = pixels(64, 64, |x, y| [u8::from(x >= 32) + 2 * u8::from(y >= 32)]);
    let palette = |info: &mut png::Info<'static>| {
        info.palette = Some(vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255].into());
    };
    let opaque = pixels(64, 64, |x, y| {
        let at = ((y * 64 + x) * 3) as usize;
        [rgb[at], rgb[at + 1], rgb[at + 2], 255]
    });
    for bytes in [
        png(64, 64, ColorType::Rgb, &rgb),
        png_with(64, 64, ColorType::Rgb, BitDepth::Sixteen, &wide, |_| ()),
        png_with(64, 64, ColorType::Indexed, BitDepth::Eight, &indices, palette),
        png(64, 64, ColorType::Rgba, &opaque),
    ] {
        let media = taken(&bytes);
        assert_eq!(media.main.mime, "image/jpeg");
        assert_quarters(&media.main, QUARTERS, 8);
    }
    let grey = png(64, 64, ColorType::Grayscale, &[77; 64 * 64]);
    assert_quarters(&taken(&grey).main, [[77, 77, 77, 255]; 4], 2);
}

/// Adam7 by hand: seven passes, each a picture of its own.
#[test]
fn interlaced_png() {
    let rgb = quarters(16, 16);
    let mut rows = Vec::new();
    for (left, top, right, down) in [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ] {
        for y in (top..16).step_by(down) {
            rows.push(0);
            for x in (left..16).step_by(right) {
                rows.extend(&rgb[(y * 16 + x) * 3..][..3]);
            }
        }
    }
    // zlib without compression.
    let length = u16::try_from(rows.len()).unwrap();
    let mut data = vec![0x78, 0x01, 0x01];
    data.extend(length.to_le_bytes());
    data.extend((!length).to_le_bytes());
    data.extend(&rows);
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    data.extend(((b << 16) | a).to_be_bytes());

    let mut bytes = Vec::new();
    let info = {
        let mut info = png::Info::with_size(16, 16);
        info.color_type = png::ColorType::Rgb;
        info.interlaced = true;
        info
    };
    let mut writer = png::Encoder::with_info(&mut bytes, info).unwrap().write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, &data).unwrap();
    drop(writer);
    // A picture this small has the edges of its quarters in every block.
    assert_quarters(&taken(&bytes).main, QUARTERS, 16);
}

#[test]
fn transparency_is_kept() {
    let half = pixels(600, 400, |x, y| match (x < 300, y < 200) {
        (true, true) => [255, 0, 0, 0],
        (false, true) => [0, 255, 0, 128],
        (true, false) => [0, 0, 255, 255],
        (false, false) => [255, 255, 255, 10],
    });
    let mut webp = Vec::new();
    image_webp::WebPEncoder::new(&mut webp)
        .encode(&half, 600, 400, image_webp::ColorType::Rgba8)
        .unwrap();
    for bytes in [png(600, 400, png::ColorType::Rgba, &half), webp] {
        let media = taken(&bytes);
        let thumbnail = media.thumbnail.unwrap();
        for rendition in [&media.main, &thumbnail] {
            assert_eq!(rendition.mime, "image/webp");
            let alphas = make::corners(rendition).map(|pixel| pixel[3]);
            assert_eq!(alphas, [0, 128, 255, 10]);
            let [_, green, blue, _] = make::corners(rendition);
            assert!(near(green, [0, 255, 0, 128], 12) && near(blue, [0, 0, 255, 255], 12));
        }
    }
}

#[test]
fn a_gif_of_one_frame_is_a_picture() {
    let media = taken(&gif(40, 30, 1));
    assert_eq!(media.main.mime, "image/jpeg");
    assert_quarters(&media.main, [[50, 0, 0, 255]; 4], 4);
}

#[test]
fn an_animation_stays_one() {
    let media = taken(&gif(400, 300, 5));
    assert_eq!(media.main.mime, "image/gif");
    assert_eq!((media.main.width, media.main.height), (Some(400), Some(300)));
    let thumbnail = media.thumbnail.unwrap();
    assert_eq!((thumbnail.mime, thumbnail.width), ("image/jpeg", Some(320)));
    assert_quarters(&thumbnail, [[50, 0, 0, 255]; 4], 4);

    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options.read_info(&media.main.bytes[..]).unwrap();
    assert_eq!(decoder.repeat(), gif::Repeat::Infinite);
    let mut shades = Vec::new();
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        assert_eq!(frame.delay, 7);
        assert!(frame.buffer.chunks_exact(4).all(|pixel| pixel == &frame.buffer[..4]));
        shades.push([frame.buffer[0], frame.buffer[1], frame.buffer[2], frame.buffer[3]]);
    }
    assert_eq!(shades, [50, 51, 52, 53, 54].map(|shade| [shade, 0, 0, 255]));
}
