//! Making pictures smaller: the target size, and the filter.

use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Refusal;

/// `width` x `height` made to fit into a square of `side`, never larger than it was.
pub(super) fn fit(width: u32, height: u32, side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= side {
        return (width, height);
    }
    let scaled = |length: u32| {
        let longer = u64::from(longer);
        let rounded = (u64::from(length) * u64::from(side) + longer / 2) / longer;
        u32::try_from(rounded).unwrap_or(side).max(1)
    };
    (scaled(width), scaled(height))
}

/// Samples in rows, of which the first `width` columns and `height` rows are the picture.
#[derive(Clone, Copy)]
pub(super) struct Samples<'a> {
    pub bytes: &'a [u8],
    pub pixel: PixelType,
    /// Pixels from one row to the next.
    pub stride: u32,
    pub width: u32,
    pub height: u32,
}

/// The part of a source that becomes the whole of a target, in pixels of the source. What lies beyond its
/// edges is still looked at where the filter reaches there.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub left: f64,
    pub width: f64,
    pub height: f64,
}

/// `part` as `width` x `height` pixels. Lanczos with three lobes, as the peers do; alpha is multiplied in
/// on the way.
pub(super) fn resize(
    source: Samples<'_>,
    part: Part,
    width: u32,
    height: u32,
) -> Result<Vec<u8>, Refusal> {
    let size = source.pixel.size();
    let rows = u32::try_from(source.bytes.len() / size / source.stride.max(1) as usize)
        .unwrap_or(u32::MAX);
    let whole = ImageRef::new(source.stride, rows, source.bytes, source.pixel).map_err(fault)?;
    let view = CroppedImage::new(&whole, 0, 0, source.width, source.height).map_err(fault)?;
    let mut target = Image::new(width, height, source.pixel);
    let part = Part {
        width: part.width.min(f64::from(source.width) - part.left),
        height: part.height.min(source.height.into()),
        ..part
    };
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .crop(part.left, 0.0, part.width, part.height);
    Resizer::new().resize(&view, &mut target, &options).map_err(fault)?;
    Ok(target.into_vec())
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::broken(format!("The picture cannot be made smaller ({error}): save it anew"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fitting_keeps_the_shape_and_never_enlarges() {
        let table = [
            ((4032, 3024, 2048), (2048, 1536)),
            ((3024, 4032, 2048), (1536, 2048)),
            ((2048, 2048, 2048), (2048, 2048)),
            ((100, 50, 2048), (100, 50)),
            ((50_000, 1, 2048), (2048, 1)),
            ((4096, 3, 2048), (2048, 2)),
            ((1, u32::MAX, 2048), (1, 2048)),
        ];
        for ((width, height, side), expected) in table {
            assert_eq!(fit(width, height, side), expected, "{width}x{height}");
        }
    }
}
