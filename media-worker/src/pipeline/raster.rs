//! Pixels as red, green, blue and perhaps alpha, row by row.

use fast_image_resize::PixelType;

use super::orientation::Orientation;
use super::resample::{self, Part, Samples};
use super::{Picture, Refusal};

#[derive(Clone)]
pub(super) struct Raster {
    pub width: u32,
    pub height: u32,
    /// Four bytes a pixel instead of three.
    pub alpha: bool,
    pub bytes: Vec<u8>,
}

impl Raster {
    pub(super) fn channels(&self) -> usize {
        if self.alpha { 4 } else { 3 }
    }

    pub(super) fn reduced(&self, side: u32) -> Result<Self, Refusal> {
        let (width, height) = resample::fit(self.width, self.height, side);
        if (width, height) == (self.width, self.height) {
            return Ok(self.clone());
        }
        let source = Samples {
            bytes: &self.bytes,
            pixel: if self.alpha { PixelType::U8x4 } else { PixelType::U8x3 },
            stride: self.width,
            width: self.width,
            height: self.height,
        };
        let whole = Part { left: 0.0, width: self.width.into(), height: self.height.into() };
        let bytes = resample::resize(source, whole, width, height)?;
        Ok(Self { width, height, alpha: self.alpha, bytes })
    }

    /// Without the alpha where all of it is opaque.
    pub(super) fn opaque_if_possible(self) -> Self {
        if !self.alpha || self.bytes.iter().skip(3).step_by(4).any(|&alpha| alpha != u8::MAX) {
            return self;
        }
        let bytes =
            self.bytes.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        Self { alpha: false, bytes, ..self }
    }

    pub(super) fn turned(self, orientation: Orientation) -> Self {
        let bytes = match self.channels() {
            4 => orientation.turn(self.bytes, self.width, self.height, 4),
            _ => orientation.turn(self.bytes, self.width, self.height, 3),
        };
        let (width, height) = orientation.size(self.width, self.height);
        Self { width, height, alpha: self.alpha, bytes }
    }

    /// Four bytes a pixel; what is transparent lies on white.
    pub(super) fn rgba_on_white(&self) -> Vec<u8> {
        let over = |colour: u8, alpha: u8| {
            let (colour, alpha) = (u16::from(colour), u16::from(alpha));
            u8::try_from((colour * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
        };
        let blend = |pixel: &[u8]| match *pixel {
            [r, g, b, a] => [over(r, a), over(g, a), over(b, a), u8::MAX],
            [r, g, b] => [r, g, b, u8::MAX],
            _ => [u8::MAX; 4],
        };
        self.bytes.chunks_exact(self.channels()).flat_map(blend).collect()
    }
}

impl From<Raster> for Picture {
    fn from(raster: Raster) -> Self {
        Self::Raster(raster)
    }
}
