//! Files to upload, and a look into what came of them.

use std::borrow::Cow;
use std::time::Duration;

use media_worker::pipeline::{Limits, Media, Refusal, Rendition, process};
use mozjpeg::{ColorSpace, Compress, Decompress, Marker};

/// Red top left, green top right, blue bottom left, white bottom right: no two of the eight orientations
/// look the same.
pub fn quarters(width: u32, height: u32) -> Vec<u8> {
    pixels(width, height, |x, y| match (x < width / 2, y < height / 2) {
        (true, true) => [255, 0, 0],
        (false, true) => [0, 255, 0],
        (true, false) => [0, 0, 255],
        (false, false) => [255, 255, 255],
    })
}

pub fn pixels<const N: usize>(
    width: u32,
    height: u32,
    colour: impl Fn(u32, u32) -> [u8; N],
) -> Vec<u8> {
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| colour(x, y))
        .collect()
}

/// How a JPEG is written.
pub struct Jpeg<'a> {
    pub pixels: ColorSpace,
    pub stored: ColorSpace,
    pub progressive: bool,
    pub sampling: (u8, u8),
    pub markers: Vec<(Marker, Cow<'a, [u8]>)>,
}

impl Default for Jpeg<'_> {
    fn default() -> Self {
        Self {
            pixels: ColorSpace::JCS_RGB,
            stored: ColorSpace::JCS_YCbCr,
            progressive: false,
            sampling: (2, 2),
            markers: Vec::new(),
        }
    }
}

impl Jpeg<'_> {
    pub fn write(&self, width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
        let mut settings = Compress::new(self.pixels);
        settings.set_size(width as usize, height as usize);
        settings.set_fastest_defaults();
        settings.set_color_space(self.stored);
        if self.progressive {
            settings.set_progressive_mode();
        }
        settings.set_quality(95.0);
        if self.stored == ColorSpace::JCS_YCbCr {
            settings.set_chroma_sampling_pixel_sizes(self.sampling, self.sampling);
        }
        let mut writer = settings.start_compress(Vec::new()).unwrap();
        for (marker, data) in &self.markers {
            writer.write_marker(*marker, data);
        }
        writer.write_scanlines(pixels).unwrap();
        writer.finish().unwrap()
    }
}

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    Jpeg::default().write(width, height, &quarters(width, height))
}

pub fn png(width: u32, height: u32, colour: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    png_with(width, height, colour, png::BitDepth::Eight, pixels, |_| ())
}

pub fn png_with(
    width: u32,
    height: u32,
    colour: png::ColorType,
    depth: png::BitDepth,
    pixels: &[u8],
    change: impl FnOnce(&mut png::Info<'static>),
) -> Vec<u8> {
    let mut info = png::Info::with_size(width, height);
    info.color_type = colour;
    info.bit_depth = depth;
    change(&mut info);
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::with_info(&mut bytes, info).unwrap().write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    bytes
}

/// `count` frames of one colour each, in a palette of that colour and black.
pub fn gif(width: u16, height: u16, count: usize) -> Vec<u8> {
    let mut encoder = gif::Encoder::new(Vec::new(), width, height, &[]).unwrap();
    encoder.set_repeat(gif::Repeat::Infinite).unwrap();
    for number in 0..count {
        let shade = u8::try_from(number % 200).unwrap() + 50;
        let mut frame = gif::Frame::from_palette_pixels(
            width,
            height,
            vec![1; usize::from(width) * usize::from(height)],
            vec![0, 0, 0, shade, 0, 0],
            None,
        );
        frame.delay = 7;
        encoder.write_frame(&frame).unwrap();
    }
    encoder.into_inner().unwrap()
}

/// A TIFF structure with an orientation and a position.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2A\0\0\0\x08".to_vec();
    tiff.extend(3_u16.to_be_bytes());
    let mut entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        tiff.extend(tag.to_be_bytes());
        tiff.extend(kind.to_be_bytes());
        tiff.extend(count.to_be_bytes());
        tiff.extend(value);
    };
    entry(0x010F, 2, 12, 50_u32.to_be_bytes()); // maker, at the end
    entry(0x0112, 3, 1, [0, orientation, 0, 0]);
    entry(0x8825, 4, 1, 62_u32.to_be_bytes()); // position
    tiff.extend([0; 4]);
    tiff.extend(b"SECRET-MAKER");
    tiff.extend(1_u16.to_be_bytes());
    tiff.extend([0, 1, 0, 2, 0, 0, 0, 2, b'N', 0, 0, 0]);
    tiff.extend([0; 4]);
    tiff
}

pub fn exif_marker(orientation: u8) -> (Marker, Cow<'static, [u8]>) {
    (Marker::APP(1), [b"Exif\0\0".as_slice(), &exif(orientation)].concat().into())
}

/// A WAV of a tone.
pub fn wav(rate: u32, channels: u16, seconds: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for at in 0..rate * seconds {
        let angle = f64::from(at) / f64::from(rate) * 440.0 * std::f64::consts::TAU;
        for _ in 0..channels {
            #[allow(clippy::cast_possible_truncation)]
            writer.write_sample((angle.sin() * 12_000.0) as i16).unwrap();
        }
    }
    writer.finalize().unwrap();
    bytes.into_inner()
}

/// As usual, but for time: a debug build on a busy machine takes long.
fn unhurried() -> Limits {
    Limits { time: Duration::from_mins(10), ..Limits::default() }
}

pub fn taken(bytes: &[u8]) -> Media {
    process(bytes, &unhurried()).unwrap()
}

pub fn refused(bytes: &[u8]) -> Refusal {
    process(bytes, &unhurried()).unwrap_err()
}

pub fn has(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

/// The rendition's own pixels in RGBA, by another decoder than the pipeline's where there is one.
pub fn look(rendition: &Rendition) -> (u32, u32, Vec<u8>) {
    let (width, height) = (rendition.width.unwrap(), rendition.height.unwrap());
    let rgba = match rendition.mime {
        "image/jpeg" => {
            let mut started = Decompress::new_mem(&rendition.bytes).unwrap().rgba().unwrap();
            assert_eq!((started.width(), started.height()), (width as usize, height as usize));
            started.read_scanlines::<u8>().unwrap()
        }
        "image/webp" => {
            let image = webp::Decoder::new(&rendition.bytes).decode().unwrap();
            assert_eq!((image.width(), image.height()), (width, height));
            assert!(image.is_alpha());
            image.to_vec()
        }
        other => panic!("no pictures of {other} are expected"),
    };
    (width, height, rgba)
}

/// The colour in the middle of each quarter: top left, top right, bottom left, bottom right.
pub fn corners(rendition: &Rendition) -> [[u8; 4]; 4] {
    let (width, height, rgba) = look(rendition);
    [(1, 1), (3, 1), (1, 3), (3, 3)].map(|(x, y)| {
        let at = ((height * y / 4 * width + width * x / 4) * 4) as usize;
        [rgba[at], rgba[at + 1], rgba[at + 2], rgba[at + 3]]
    })
}

pub fn near(found: [u8; 4], wanted: [u8; 4], tolerance: u8) -> bool {
    found.iter().zip(&wanted).all(|(a, b)| a.abs_diff(*b) <= tolerance)
}

#[track_caller]
pub fn assert_quarters(rendition: &Rendition, wanted: [[u8; 4]; 4], tolerance: u8) {
    let found = corners(rendition);
    let close = found.iter().zip(&wanted).all(|(a, b)| near(*a, *b, tolerance));
    assert!(close, "{found:?} instead of {wanted:?}");
}

pub const RED: [u8; 4] = [255, 0, 0, 255];
pub const GREEN: [u8; 4] = [0, 255, 0, 255];
pub const BLUE: [u8; 4] = [0, 0, 255, 255];
pub const WHITE: [u8; 4] = [255, 255, 255, 255];
pub const QUARTERS: [[u8; 4]; 4] = [RED, GREEN, BLUE, WHITE];

/// The header of a PNG of that size, and the compressed beginning of its pixels.
pub fn huge_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(1, 1, png::ColorType::Rgb, &[0; 3]);
    bytes.splice(16..24, [width.to_be_bytes(), height.to_be_bytes()].concat());
    let sum = crc(&bytes[12..29]);
    bytes.splice(29..33, sum.to_be_bytes());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 }
        })
    })
}
