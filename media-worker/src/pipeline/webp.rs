//! Reading WebP, and writing pictures with transparency.

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};

use super::colour::Colours;
use super::limits::{Deadline, Limits};
use super::orientation::Orientation;
use super::raster::Raster;
use super::{Picture, Refusal};

/// Of colours. Alpha is written without loss.
const QUALITY: f32 = 75.0;

pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    deadline: &Deadline,
) -> Result<Picture, Refusal> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|error| fault(&error))?;
    let (width, height) = decoder.dimensions();
    // The pixels, the planes that they come from, and a copy with alpha multiplied in.
    let pixels = u64::from(width) * u64::from(height);
    let each = if decoder.has_alpha() { 4 + 4 } else { 3 + 4 };
    limits.admit(width, height, pixels.saturating_mul(each))?;
    if decoder.is_animated() {
        return Err(Refusal::unsupported("Animated WebP pictures are not taken: send it as GIF"));
    }
    decoder.set_memory_limit(usize::try_from(limits.memory).unwrap_or(usize::MAX));
    let colours = Colours::of(decoder.icc_profile().ok().flatten().as_deref());
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.as_deref().map(Orientation::from_exif).unwrap_or_default();

    let mut bytes = vec![0; decoder.output_buffer_size().unwrap_or_default()];
    decoder.read_image(&mut bytes).map_err(|error| fault(&error))?;
    deadline.check()?;
    let raster = Raster { width, height, alpha: decoder.has_alpha(), bytes };
    let raster = raster.opaque_if_possible().reduced(limits.side)?;
    Ok(colours.make_standard(raster).turned(orientation).into())
}

pub(super) fn encode(raster: &Raster) -> Result<Vec<u8>, Refusal> {
    let encoder = webp::Encoder::from_rgba(&raster.bytes, raster.width, raster.height);
    let written = encoder.encode_simple(false, QUALITY).map_err(|error| {
        Refusal::broken(format!("No WebP could be made of the picture ({error:?}): save it anew"))
    })?;
    Ok(written.to_vec())
}

fn fault(error: &DecodingError) -> Refusal {
    match error {
        DecodingError::MemoryLimitExceeded | DecodingError::ImageTooLarge => Refusal::too_large(
            "The WebP takes more memory to open than is allowed: send a smaller one",
        ),
        _ => Refusal::broken(format!(
            "The WebP cannot be read ({error}): save it anew and send that"
        )),
    }
}
