//! Colours of other spaces come out as the same colours in sRGB.

use std::borrow::Cow;

use moxcms::ColorProfile;
use mozjpeg::Marker;

use super::make::{Jpeg, corners, near, pixels, png_with, taken};

/// Display P3 (what phones write) for 200, 100, 50 is a stronger orange in sRGB.
const WIDE: [u8; 3] = [200, 100, 50];

fn in_srgb() -> [u8; 4] {
    let layout = moxcms::Layout::Rgb;
    let srgb = ColorProfile::new_srgb();
    let transform = ColorProfile::new_display_p3()
        .create_transform_8bit(layout, &srgb, layout, moxcms::TransformOptions::default())
        .unwrap();
    let mut found = [0; 3];
    transform.transform(&WIDE, &mut found).unwrap();
    assert!(found[0] > 205, "{found:?}");
    [found[0], found[1], found[2], 255]
}

#[test]
fn wide_colours_are_converted() {
    let profile = ColorProfile::new_display_p3().encode().unwrap();
    let flat = pixels(80, 80, |_, _| WIDE);
    // In two parts, the second first.
    let (first, second) = profile.split_at(100);
    let part = |number: u8, part: &[u8]| -> (Marker, Cow<'static, [u8]>) {
        let data = [b"ICC_PROFILE\0".as_slice(), &[number, 2], part].concat();
        (Marker::APP(2), data.into())
    };
    let file = Jpeg { markers: vec![part(2, second), part(1, first)], ..Jpeg::default() };
    let png = png_with(80, 80, png::ColorType::Rgb, png::BitDepth::Eight, &flat, |info| {
        info.icc_profile = Some(profile.clone().into());
    });
    for bytes in [file.write(80, 80, &flat), png] {
        let found = corners(&taken(&bytes).main)[0];
        assert!(near(found, in_srgb(), 4), "{found:?} instead of {:?}", in_srgb());
    }
}

#[test]
fn a_profile_of_srgb_or_of_nothing_changes_nothing() {
    let flat = pixels(80, 80, |_, _| WIDE);
    for profile in [
        ColorProfile::new_srgb().encode().unwrap(),
        b"no profile at all".to_vec(),
        vec![0xFF; 60_000],
    ] {
        let data = [b"ICC_PROFILE\0\x01\x01".as_slice(), &profile].concat();
        let file = Jpeg { markers: vec![(Marker::APP(2), data.into())], ..Jpeg::default() };
        let found = corners(&taken(&file.write(80, 80, &flat)).main)[0];
        assert!(near(found, [200, 100, 50, 255], 4), "{found:?}");
    }
}
