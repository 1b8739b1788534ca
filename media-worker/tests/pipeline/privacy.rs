//! Nothing but pixels gets through: no position, no camera, no comment, no script.

use mozjpeg::Marker;

use super::make::{self, Jpeg, exif_marker, has, png_with, quarters, taken};

const SECRETS: [&[u8]; 9] = [
    b"Exif",
    b"SECRET",
    b"GPS",
    b"xpacket",
    b"Photoshop",
    b"ICC_PROFILE",
    b"iCCP",
    b"alert(",
    b"XMP",
];

#[track_caller]
fn assert_bare(file: &[u8]) {
    let media = taken(file);
    for rendition in std::iter::once(&media.main).chain(&media.thumbnail) {
        for secret in SECRETS {
            let name = String::from_utf8_lossy(secret);
            assert!(!has(&rendition.bytes, secret), "{name} is still in the {}", rendition.mime);
        }
    }
}

#[test]
fn jpeg_without_exif_xmp_iptc_icc_and_comments() {
    let xmp =
        b"http://ns.adobe.com/xap/1.0/\0<?xpacket?><exif:GPSLatitude>52,31N</exif:GPSLatitude>";
    let iptc = b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x10\x1C\x02\x5A\0\x0BSECRET-TOWN";
    let icc =
        [b"ICC_PROFILE\0\x01\x01".as_slice(), &moxcms::ColorProfile::new_srgb().encode().unwrap()]
            .concat();
    let file = Jpeg {
        markers: vec![
            exif_marker(1),
            (Marker::APP(1), xmp.as_slice().into()),
            (Marker::APP(2), icc.into()),
            (Marker::APP(13), iptc.as_slice().into()),
            (Marker::COM, b"SECRET <script>alert(1)</script>".as_slice().into()),
        ],
        ..Jpeg::default()
    };
    let mut bytes = file.write(400, 300, &quarters(400, 300));
    assert!(SECRETS.iter().take(4).all(|secret| has(&bytes, secret)));
    bytes.extend(b"<script>alert('SECRET after the end')</script>");
    assert_bare(&bytes);
}

#[test]
fn png_without_text_and_exif() {
    let pixels = quarters(400, 300);
    let bytes = png_with(400, 300, png::ColorType::Rgb, png::BitDepth::Eight, &pixels, |info| {
        info.exif_metadata = Some(make::exif(1).into());
        let text = png::text_metadata::TEXtChunk::new("Comment", "SECRET GPS alert(1)");
        info.uncompressed_latin1_text.push(text);
    });
    assert!(has(&bytes, b"SECRET GPS"));
    assert_bare(&bytes);
}

#[test]
fn webp_with_transparency_without_exif_and_xmp() {
    let pixels = make::pixels(400, 300, |x, _| [200, 10, 10, u8::try_from(x % 256).unwrap()]);
    let mut bytes = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut bytes);
    encoder.set_exif_metadata(make::exif(1));
    encoder.set_xmp_metadata(b"<?xpacket?>SECRET GPS".to_vec());
    encoder.encode(&pixels, 400, 300, image_webp::ColorType::Rgba8).unwrap();
    assert!(has(&bytes, b"SECRET GPS"));
    assert_bare(&bytes);
}

/// A GIF that is a script as well: its width begins a comment, which ends in an extension.
fn polyglot(frames: usize) -> Vec<u8> {
    let mut bytes = b"GIF89a".to_vec();
    bytes.extend([0x2F, 0x01, 0x2A, 0x01]); // 303 x 298
    bytes.extend([0x80, 0, 0]);
    bytes.extend([b'*', b'/', b'=', b'1', b';', b'/']); // a palette of two colours
    let script = b"*/=1;alert('SECRET');/*";
    bytes.extend([0x21, 0xFE, u8::try_from(script.len()).unwrap()]);
    bytes.extend(script);
    bytes.push(0);
    for _ in 0..frames {
        // A palette of 128 colours, that are a script too.
        bytes.extend([0x2C, 0, 0, 0, 0, 4, 0, 4, 0, 0x86]);
        let mut palette = b";alert('SECRET-PALETTE');//".to_vec();
        palette.resize(384, b'/');
        bytes.extend(palette);
        let mut data = Vec::new();
        let mut lzw =
            gif::Frame::from_indexed_pixels(4, 4, (0..16).rev().collect::<Vec<u8>>(), None);
        lzw.make_lzw_pre_encoded();
        // Sixteen colours take codes of four bits; the palette above has more, which is allowed.
        data.push(lzw.buffer[0]);
        for block in lzw.buffer[1..].chunks(255) {
            data.push(u8::try_from(block.len()).unwrap());
            data.extend(block);
        }
        bytes.extend(data);
        bytes.push(0);
    }
    bytes.extend(b";alert('SECRET at the end')");
    bytes
}

#[test]
fn a_gif_that_is_a_script_too_comes_out_as_a_picture() {
    for frames in [1, 3] {
        let bytes = polyglot(frames);
        assert!(has(&bytes, b"alert('SECRET')") && has(&bytes, b"SECRET-PALETTE"));
        assert_bare(&bytes);
        let mime = taken(&bytes).main.mime;
        assert_eq!(mime, if frames == 1 { "image/webp" } else { "image/gif" });
    }
}
