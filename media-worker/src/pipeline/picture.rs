//! A decoded picture, in whichever form leaves the least to do.

use super::planes::Planes;
use super::raster::Raster;
use super::{Refusal, Rendition, jpeg, webp};

/// Upright, in sRGB, and no larger than the main rendition.
pub(super) enum Picture {
    /// Brightness and colour apart, as in the JPEG that it comes from and the one that it becomes.
    Planes(Planes),
    Raster(Raster),
}

impl Picture {
    /// Opaque pictures become JPEG. Those with transparency become WebP: of a photograph it takes a
    /// tenth of the bytes of a PNG.
    pub(super) fn encode(&self) -> Result<Rendition, Refusal> {
        let (width, height) = self.size();
        let (bytes, mime) = match self {
            Self::Planes(planes) => (jpeg::encode_planes(planes)?, "image/jpeg"),
            Self::Raster(raster) if raster.alpha => (webp::encode(raster)?, "image/webp"),
            Self::Raster(raster) => (jpeg::encode_raster(raster)?, "image/jpeg"),
        };
        Ok(Rendition { bytes, mime, width: Some(width), height: Some(height) })
    }

    /// Fitted into `side`; `None` where it already does.
    pub(super) fn reduced(&self, side: u32) -> Result<Option<Self>, Refusal> {
        let (width, height) = self.size();
        if width.max(height) <= side {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Planes(planes) => Self::Planes(planes.reduced(side)?),
            Self::Raster(raster) => Self::Raster(raster.reduced(side)?),
        }))
    }

    pub(super) fn to_raster(&self) -> Raster {
        match self {
            Self::Planes(planes) => planes.to_raster(),
            Self::Raster(raster) => raster.clone(),
        }
    }

    fn size(&self) -> (u32, u32) {
        match self {
            Self::Planes(planes) => (planes.width, planes.height),
            Self::Raster(raster) => (raster.width, raster.height),
        }
    }
}
