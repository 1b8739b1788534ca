//! Writing an animated GIF anew.
//!
//! Pixels, delays and the number of repeats are kept; comments and extensions are not. Palettes are put
//! into an order of their own, without the colours that no pixel has: a palette may hold text, and some
//! files are a GIF and a script at once.

use std::collections::BTreeSet;

use gif::{Encoder, Frame};

use super::gif::{Animation, canvas_with};
use super::limits::{Deadline, Limits};
use super::{Media, Picture, Refusal, Rendition, rendition};

pub(super) fn renditions(
    animation: Animation,
    limits: &Limits,
    deadline: &Deadline,
) -> Result<Media, Refusal> {
    let Animation { width, height, repeat, mut frames } = animation;
    if u32::from(width.max(height)) > limits.side {
        return Err(Refusal::too_large(format!(
            "The animation is {width} x {height} and {} a side are allowed: send a smaller one",
            limits.side
        )));
    }
    let first = frames.first().map(|frame| canvas_with(frame, width, height));
    let first = first.ok_or_else(|| fault("it has no frames"))?.opaque_if_possible();
    let mut media = rendition::of_picture(&Picture::from(first), limits, deadline)?;

    let mut encoder = Encoder::new(Vec::new(), width, height, &[]).map_err(fault)?;
    encoder.set_repeat(repeat).map_err(fault)?;
    for frame in &mut frames {
        reorder(frame);
        encoder.write_frame(frame).map_err(fault)?;
        // Two copies of all frames at once are more than were promised.
        frame.buffer = Vec::new().into();
        deadline.check()?;
    }
    let bytes = encoder.into_inner().map_err(fault)?;
    media.main = Rendition {
        bytes,
        mime: "image/gif",
        width: Some(width.into()),
        height: Some(height.into()),
    };
    Ok(media)
}

/// Sorts the colours that are used, each once, and points the pixels at them.
fn reorder(frame: &mut Frame<'static>) {
    let old = frame.palette.take().unwrap_or_default();
    // What no palette has is shown as nothing.
    let colour = |index: u8| -> Option<[u8; 3]> {
        let rest = old.get(usize::from(index) * 3..)?;
        (frame.transparent != Some(index)).then_some(())?;
        rest.first_chunk().copied()
    };
    let mut used = [false; 256];
    for &index in frame.buffer.iter() {
        used[usize::from(index)] = true;
    }
    let used: Vec<u8> = (0..=u8::MAX).filter(|&index| used[usize::from(index)]).collect();
    let colours: Vec<[u8; 3]> = used
        .iter()
        .filter_map(|&index| colour(index))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    // 256 colours and a transparent index do not both fit into 256: then there was none of them.
    let nothing = used
        .iter()
        .any(|&index| colour(index).is_none())
        .then(|| u8::try_from(colours.len()).unwrap_or(u8::MAX));

    let mut map = [0; 256];
    for &index in &used {
        map[usize::from(index)] = colour(index)
            .and_then(|colour| colours.binary_search(&colour).ok())
            .and_then(|place| u8::try_from(place).ok())
            .or(nothing)
            .unwrap_or_default();
    }
    let mut palette = colours.concat();
    if nothing.is_some() || palette.is_empty() {
        palette.extend([0; 3]);
    }
    let buffer: Vec<u8> = frame.buffer.iter().map(|&index| map[usize::from(index)]).collect();
    frame.buffer = buffer.into();
    frame.transparent = nothing;
    frame.palette = Some(palette);
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::broken(format!("The GIF could not be written anew ({error}): save it anew"))
}
