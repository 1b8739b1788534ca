//! How much one upload may ask of the worker, and how large its renditions become.

use std::time::{Duration, Instant};

use super::Refusal;

/// The bounds of one call of [`super::process`]. All but `time` are held against what the header
/// claims, before anything is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the upload.
    pub bytes: usize,
    /// Pixels of one picture.
    pub pixels: u64,
    /// Bytes that decoding may take, as estimated from the header.
    pub memory: u64,
    /// From the start to the last rendition. Looked at between rows, frames and stages.
    pub time: Duration,
    /// Frames of an animation.
    pub frames: usize,
    /// Pixels of an animation, over all of its frames.
    pub animation_pixels: u64,
    /// How long a sound may be that has to be compressed.
    pub sound: Duration,
    /// The longer side of the main rendition.
    pub side: u32,
    /// The longer side of the thumbnail.
    pub thumbnail_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: wire::event::MAX_FILE_BYTES,
            pixels: 50_000_000,
            memory: 256 << 20,
            time: Duration::from_secs(20),
            frames: 500,
            animation_pixels: 150_000_000,
            sound: Duration::from_mins(20),
            side: 2048,
            thumbnail_side: 320,
        }
    }
}

impl Limits {
    /// Refuses a picture whose header claims too many pixels, or that takes `memory` bytes to
    /// decode.
    pub(super) fn admit(&self, width: u32, height: u32, memory: u64) -> Result<(), Refusal> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 {
            return Err(Refusal::broken("The picture has no pixels: choose another"));
        }
        if pixels > self.pixels {
            return Err(Refusal::too_large(format!(
                "The picture has {width} x {height} pixels and {} are allowed in all: send a smaller one",
                self.pixels
            )));
        }
        if memory > self.memory {
            return Err(Refusal::too_large(format!(
                "The picture of {width} x {height} pixels takes {} MB to open and {} are allowed: send a smaller one",
                memory >> 20,
                self.memory >> 20
            )));
        }
        Ok(())
    }
}

/// When the work on one upload has to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    end: Instant,
    allowed: Duration,
}

impl Deadline {
    pub(super) fn starting_now(allowed: Duration) -> Self {
        Self { end: Instant::now() + allowed, allowed }
    }

    pub(super) fn passed(&self) -> bool {
        Instant::now() >= self.end
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.passed() {
            return Err(Refusal::too_large(format!(
                "The file takes more than {} ms to open: send a smaller or simpler one",
                self.allowed.as_millis()
            )));
        }
        Ok(())
    }
}
