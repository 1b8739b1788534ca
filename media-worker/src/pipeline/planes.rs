//! Brightness and the two colour differences in planes of their own, as JPEG stores them.
//!
//! A JPEG that becomes a smaller JPEG needs neither its colours at full size nor a way to RGB and back:
//! that is half of the work.

use fast_image_resize::PixelType;

use super::Refusal;
use super::orientation::Orientation;
use super::raster::Raster;
use super::resample::{self, Part, Samples};

pub(super) struct Planes {
    pub width: u32,
    pub height: u32,
    /// How many pixels share a sample of colour, across and down: 1 or 2.
    pub shared: (u32, u32),
    pub y: Plane,
    pub cb: Plane,
    pub cr: Plane,
}

/// One plane; rows and columns beyond `width` and `height` are padding.
pub(super) struct Plane {
    pub stride: u32,
    pub width: u32,
    pub height: u32,
    pub bytes: Vec<u8>,
}

impl Planes {
    /// Fitted into `side`, with colour at half the resolution both ways.
    pub(super) fn reduced(&self, side: u32) -> Result<Self, Refusal> {
        let (width, height) = resample::fit(self.width, self.height, side);
        let (colour_width, colour_height) = (width.div_ceil(2), height.div_ceil(2));
        // An odd side has half a sample of colour too many; it lies beyond the edge in the source too.
        let extent = |length: u32, target: u32, samples: u32, shared: u32| {
            f64::from(samples * 2) * f64::from(length) / f64::from(target) / f64::from(shared)
        };
        let colours = Part {
            left: 0.0,
            width: extent(self.width, width, colour_width, self.shared.0),
            height: extent(self.height, height, colour_height, self.shared.1),
        };
        let lights = Part { left: 0.0, width: self.width.into(), height: self.height.into() };
        Ok(Self {
            width,
            height,
            shared: (2, 2),
            y: self.y.resized(lights, width, height)?,
            cb: self.cb.resized(colours, colour_width, colour_height)?,
            cr: self.cr.resized(colours, colour_width, colour_height)?,
        })
    }

    /// [`Self::reduced`], where there is anything to reduce.
    pub(super) fn fitted(self, side: u32) -> Result<Self, Refusal> {
        if self.width.max(self.height) <= side && self.shared == (2, 2) {
            return Ok(self);
        }
        self.reduced(side)
    }

    /// Only of even sides may the samples of colour be mirrored: of odd ones, the last is half outside.
    pub(super) fn turned(self, orientation: Orientation) -> Self {
        if orientation.is_upright() {
            return self;
        }
        let (width, height) = orientation.size(self.width, self.height);
        let [y, cb, cr] = [self.y, self.cb, self.cr].map(|plane| plane.turned(orientation));
        Self { width, height, shared: self.shared, y, cb, cr }
    }

    /// JFIF's conversion. For small pictures: colour is not smoothed.
    pub(super) fn to_raster(&self) -> Raster {
        let mut bytes = Vec::with_capacity(self.width as usize * self.height as usize * 3);
        for row in 0..self.height {
            for column in 0..self.width {
                let colour = (column / self.shared.0, row / self.shared.1);
                let y = f32::from(self.y.at(column, row));
                let cb = f32::from(self.cb.at(colour.0, colour.1)) - 128.0;
                let cr = f32::from(self.cr.at(colour.0, colour.1)) - 128.0;
                let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
                // A cast from a float saturates.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                bytes.extend(rgb.map(|value| value.round() as u8));
            }
        }
        Raster { width: self.width, height: self.height, alpha: false, bytes }
    }
}

impl Plane {
    fn at(&self, column: u32, row: u32) -> u8 {
        let index = row as usize * self.stride as usize + column as usize;
        self.bytes.get(index).copied().unwrap_or_default()
    }

    fn resized(&self, part: Part, width: u32, height: u32) -> Result<Self, Refusal> {
        let source = Samples {
            bytes: &self.bytes,
            pixel: PixelType::U8,
            stride: self.stride,
            width: self.width,
            height: self.height,
        };
        let bytes = resample::resize(source, part, width, height)?;
        Ok(Self { stride: width, width, height, bytes })
    }

    fn turned(self, orientation: Orientation) -> Self {
        let compact = self.padded(self.width, self.height);
        let bytes = orientation.turn(compact, self.width, self.height, 1);
        let (width, height) = orientation.size(self.width, self.height);
        Self { stride: width, width, height, bytes }
    }

    /// Rows of `stride` bytes, `rows` of them; what is beyond the edge repeats it.
    pub(super) fn padded(&self, stride: u32, rows: u32) -> Vec<u8> {
        let (stride, rows) = (stride as usize, rows as usize);
        let mut padded = Vec::with_capacity(stride * rows);
        for row in self.bytes.chunks_exact(self.stride as usize).take(self.height as usize) {
            let row = row.get(..self.width as usize).unwrap_or(row);
            padded.extend_from_slice(row);
            padded
                .resize(padded.len() + stride - row.len(), row.last().copied().unwrap_or_default());
        }
        while padded.len() < stride * rows {
            padded.extend_from_within(padded.len() - stride..);
        }
        padded
    }
}
