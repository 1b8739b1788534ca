//! Reading PNG.

use std::io::Cursor;

use png::{BitDepth, ColorType, Decoder, DecodingError, Reader, Transformations};

use super::colour::Colours;
use super::limits::{Deadline, Limits};
use super::orientation::Orientation;
use super::raster::Raster;
use super::{Picture, Refusal};

/// Of an animated PNG, the picture that those show which cannot animate it.
pub(super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    deadline: &Deadline,
) -> Result<Picture, Refusal> {
    let memory = usize::try_from(limits.memory).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: memory });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let header = decoder.read_header_info().map_err(|error| fault(&error))?;
    let (width, height, interlaced) = (header.width, header.height, header.interlaced);
    let pixels = u64::from(width) * u64::from(height);
    limits.admit(width, height, pixels.saturating_mul(3))?;

    let mut reader = decoder.read_info().map_err(|error| fault(&error))?;
    // Alpha is multiplied into a copy; an interlaced picture is read as a whole, and then widened.
    let (colour, _) = reader.output_color_type();
    let each = if matches!(colour, ColorType::Rgba | ColorType::GrayscaleAlpha) { 8 } else { 3 };
    let each = each + if interlaced { 4 } else { 0 };
    limits.admit(width, height, pixels.saturating_mul(each))?;
    let (bytes, alpha) = read(&mut reader, deadline)?;
    let raster = Raster { width, height, alpha, bytes }.opaque_if_possible();
    let colours = Colours::of(reader.info().icc_profile.as_deref());
    let orientation = reader.info().exif_metadata.as_deref().map(Orientation::from_exif);
    let raster = raster.reduced(limits.side)?;
    deadline.check()?;
    Ok(colours.make_standard(raster).turned(orientation.unwrap_or_default()).into())
}

/// Pixels of three bytes, or four with alpha.
fn read(
    reader: &mut Reader<Cursor<&[u8]>>,
    deadline: &Deadline,
) -> Result<(Vec<u8>, bool), Refusal> {
    let (colour, depth) = reader.output_color_type();
    if depth != BitDepth::Eight {
        return Err(Refusal::unsupported(
            "The PNG has an unusual depth of colours: save it with 8 bits",
        ));
    }
    let widen: fn(&[u8], &mut Vec<u8>) = match colour {
        ColorType::Rgb | ColorType::Rgba => |row, out| out.extend_from_slice(row),
        ColorType::Grayscale => |row, out| out.extend(row.iter().flat_map(|&g| [g, g, g])),
        ColorType::GrayscaleAlpha => {
            |row, out| out.extend(row.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]))
        }
        ColorType::Indexed => {
            return Err(Refusal::broken("The PNG has no palette: save it anew and send that"));
        }
    };
    let alpha = matches!(colour, ColorType::Rgba | ColorType::GrayscaleAlpha);
    let pixels = reader.info().width as usize * reader.info().height as usize;
    let mut bytes = Vec::with_capacity(pixels * if alpha { 4 } else { 3 });
    if reader.info().interlaced {
        let mut whole = vec![0; reader.output_buffer_size().unwrap_or_default()];
        reader.next_frame(&mut whole).map_err(|error| fault(&error))?;
        widen(&whole, &mut bytes);
        return Ok((bytes, alpha));
    }
    while let Some(row) = reader.next_row().map_err(|error| fault(&error))? {
        widen(row.data(), &mut bytes);
        deadline.check()?;
    }
    Ok((bytes, alpha))
}

fn fault(error: &DecodingError) -> Refusal {
    match error {
        DecodingError::LimitsExceeded => Refusal::too_large(
            "The PNG takes more memory to open than is allowed: send a smaller one",
        ),
        _ => {
            Refusal::broken(format!("The PNG cannot be read ({error}): save it anew and send that"))
        }
    }
}
