//! Reading GIF: all frames, as they are stored.

use std::num::NonZeroU64;

use gif::{ColorOutput, DecodeOptions, DecodingError, Frame, MemoryLimit, Repeat};

use super::limits::{Deadline, Limits};
use super::raster::Raster;
use super::{Picture, Refusal};

pub(super) enum Gif {
    Still(Picture),
    Animated(Animation),
}

/// An animation, before it is written anew.
pub(super) struct Animation {
    pub width: u16,
    pub height: u16,
    pub repeat: Repeat,
    /// More than one, each with a palette of its own.
    pub frames: Vec<Frame<'static>>,
}

pub(super) fn decode(bytes: &[u8], limits: &Limits, deadline: &Deadline) -> Result<Gif, Refusal> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.check_frame_consistency(true);
    if let Some(memory) = NonZeroU64::new(limits.memory) {
        options.set_memory_limit(MemoryLimit::Bytes(memory));
    }
    let mut decoder = options.read_info(bytes).map_err(|error| fault(&error))?;
    let (width, height) = (decoder.width(), decoder.height());
    // Indices of all frames, and one picture with alpha.
    let canvas = u64::from(width) * u64::from(height);
    limits.admit(width.into(), height.into(), canvas.saturating_mul(1 + 4))?;

    let global = decoder.global_palette().map(<[u8]>::to_vec);
    let mut frames = Vec::new();
    let mut pixels = 0;
    while let Some(frame) = decoder.next_frame_info().map_err(|error| fault(&error))? {
        pixels += u64::from(frame.width) * u64::from(frame.height);
        admit(frames.len() + 1, pixels, limits)?;
        let mut frame = frame.clone();
        let mut buffer = vec![0; frame.width as usize * frame.height as usize];
        decoder.read_into_buffer(&mut buffer).map_err(|error| fault(&error))?;
        frame.buffer = buffer.into();
        frame.palette = frame.palette.take().or_else(|| global.clone());
        frame.interlaced = false;
        frames.push(frame);
        deadline.check()?;
    }
    if frames.len() > 1 {
        let repeat = decoder.repeat();
        return Ok(Gif::Animated(Animation { width, height, repeat, frames }));
    }
    let frame =
        frames.pop().ok_or_else(|| Refusal::broken("The GIF holds no picture: send another"))?;
    let raster = canvas_with(&frame, width, height).opaque_if_possible().reduced(limits.side)?;
    Ok(Gif::Still(raster.into()))
}

/// The canvas as the frame alone leaves it.
pub(super) fn canvas_with(frame: &Frame<'_>, width: u16, height: u16) -> Raster {
    let mut bytes = vec![0; width as usize * height as usize * 4];
    let palette = frame.palette.as_deref().unwrap_or_default();
    let rows = bytes.chunks_exact_mut(width as usize * 4).skip(frame.top.into());
    for (row, indices) in rows.zip(frame.buffer.chunks_exact(usize::from(frame.width).max(1))) {
        for (pixel, &index) in row.chunks_exact_mut(4).skip(frame.left.into()).zip(indices) {
            let colour = palette.get(usize::from(index) * 3..).and_then(|rest| rest.get(..3));
            if let Some(&[r, g, b]) = colour.filter(|_| frame.transparent != Some(index)) {
                pixel.copy_from_slice(&[r, g, b, u8::MAX]);
            }
        }
    }
    Raster { width: width.into(), height: height.into(), alpha: true, bytes }
}

fn admit(frames: usize, pixels: u64, limits: &Limits) -> Result<(), Refusal> {
    // A still picture has the canvas as its bound.
    if frames > limits.frames || (frames > 1 && pixels > limits.animation_pixels) {
        return Err(Refusal::too_large(format!(
            "The GIF has more than {} frames, or {} pixels in all of them: send a shorter one",
            limits.frames, limits.animation_pixels
        )));
    }
    if frames > 1 && pixels > limits.memory {
        return Err(Refusal::too_large(
            "The GIF takes more memory than is allowed: send a shorter one",
        ));
    }
    Ok(())
}

fn fault(error: &DecodingError) -> Refusal {
    Refusal::broken(format!("The GIF cannot be read ({error}): save it anew and send that"))
}
