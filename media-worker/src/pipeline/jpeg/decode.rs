//! Reading a JPEG, at no more than the size that is needed.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, CompInfoExt, Decompress, Marker};

use super::super::colour::Colours;
use super::super::limits::{Deadline, Limits};
use super::super::orientation::Orientation;
use super::super::planes::{Plane, Planes};
use super::super::raster::Raster;
use super::super::{Picture, Refusal, resample};
use super::header;

/// More scans than any encoder writes; each goes over the whole picture.
const MOST_SCANS: usize = 64;

/// A file that is cut short is refused: what is missing would be grey, and no one would send it again.
pub(in super::super) fn decode(
    bytes: &[u8],
    limits: &Limits,
    deadline: &Deadline,
) -> Result<Picture, Refusal> {
    let header = header::read(bytes)?;
    if header.scans > MOST_SCANS {
        return Err(Refusal::too_large(format!(
            "The JPEG comes in {} scans and {MOST_SCANS} are allowed: save it anew",
            header.scans
        )));
    }
    let ended = Cell::new(false);
    let feed = Feed { rest: bytes, deadline, ended: &ended };
    // libjpeg's fatal errors unwind.
    let decoded = catch_unwind(AssertUnwindSafe(|| read(feed, header.buffered, limits)));
    deadline.check()?;
    if ended.get() {
        return Err(Refusal::broken("The JPEG is cut short: send it again"));
    }
    decoded.unwrap_or_else(|_| Err(unreadable()))
}

fn read(feed: Feed<'_>, buffered: bool, limits: &Limits) -> Result<Picture, Refusal> {
    let mut decoder = Decompress::with_markers(&[Marker::APP(1), Marker::APP(2)])
        .from_reader(feed)
        .map_err(|_| unreadable())?;
    let (width, height) = (side(decoder.width())?, side(decoder.height())?);
    let eighths = eighths(width.max(height), limits.side);
    limits.admit(width, height, memory(&decoder, buffered, eighths))?;
    decoder.scale(eighths);

    let orientation = orientation(&decoder);
    let colours = Colours::of(icc(&decoder).as_deref());
    let (target_width, target_height) = resample::fit(width, height, limits.side);
    let even = target_width % 2 == 0 && target_height % 2 == 0;
    match shared(&decoder) {
        Some(shared)
            if eighths == 8
                && matches!(colours, Colours::Standard)
                && (even || orientation.is_upright()) =>
        {
            let planes = planes(decoder, width, height, shared)?;
            Ok(Picture::Planes(planes.fitted(limits.side)?.turned(orientation)))
        }
        _ => {
            let raster = raster(decoder, &colours)?.reduced(limits.side)?;
            Ok(colours.make_standard(raster).turned(orientation).into())
        }
    }
}

/// The smallest of 8/8, 4/8, 2/8 and 1/8 that leaves the longer side at least as long as needed. The
/// sizes between cost as much as 8/8: no processor's wide instructions are used for them.
fn eighths(longer: u32, needed: u32) -> u8 {
    [1, 2, 4]
        .into_iter()
        .find(|&eighths| u64::from(longer) * u64::from(eighths) >= u64::from(needed) * 8)
        .unwrap_or(8)
}

/// What decoding takes at most: coefficients of 16 bits, the picture as it comes out, and that in RGB.
fn memory(decoder: &Decompress<Feed<'_>>, buffered: bool, eighths: u8) -> u64 {
    let pixels = decoder.width() as u64 * decoder.height() as u64;
    let components = decoder.components().len() as u64;
    let factors = decoder.components().iter().map(CompInfoExt::sampling);
    let samples = |(across, down): (u8, u8)| u64::from(across) * u64::from(down);
    // Of each component, in the share of the pixels that it has samples for.
    let all: u64 = factors.clone().map(samples).sum();
    let most = |pick: fn((u8, u8)) -> u8| factors.clone().map(pick).max().unwrap_or(1).max(1);
    let full = samples((most(|factor| factor.0), most(|factor| factor.1)));
    let coefficients = if buffered { pixels * 2 * all / full } else { 0 };
    let out = pixels * u64::from(eighths) * u64::from(eighths) / 64;
    let inks = if components == 4 { 3 } else { 0 };
    coefficients + out * (components.max(3) + inks)
}

/// How many pixels share a sample of colour, where brightness and colour can be had apart.
fn shared(decoder: &Decompress<Feed<'_>>) -> Option<(u32, u32)> {
    if decoder.color_space() != ColorSpace::JCS_YCbCr {
        return None;
    }
    let factors: Vec<_> = decoder.components().iter().map(CompInfoExt::sampling).collect();
    match factors[..] {
        [(across @ (1 | 2), down @ (1 | 2)), (1, 1), (1, 1)] => Some((across.into(), down.into())),
        _ => None,
    }
}

fn planes(
    decoder: Decompress<Feed<'_>>,
    width: u32,
    height: u32,
    shared: (u32, u32),
) -> Result<Planes, Refusal> {
    let strides: Vec<usize> = decoder.components().iter().map(CompInfoExt::row_stride).collect();
    let groups = height.div_ceil(8 * shared.1) as usize;
    let rows = [groups * 8 * shared.1 as usize, groups * 8, groups * 8];
    let sizes = [
        (width, height),
        (width.div_ceil(shared.0), height.div_ceil(shared.1)),
        (width.div_ceil(shared.0), height.div_ceil(shared.1)),
    ];
    let mut bytes = [0, 1, 2].map(|index| Vec::with_capacity(strides[index] * rows[index]));
    let [y, cb, cr] = &mut bytes;
    decoder.raw().map_err(|_| unreadable())?.read_raw_data(&mut [y, cb, cr]);

    let mut index = 0;
    let [y, cb, cr] = bytes.map(|bytes| {
        let stride = u32::try_from(strides[index]).unwrap_or(u32::MAX);
        let (width, height) = sizes[index];
        index += 1;
        Plane { stride, width, height, bytes }
    });
    Ok(Planes { width, height, shared, y, cb, cr })
}

fn raster(decoder: Decompress<Feed<'_>>, colours: &Colours) -> Result<Raster, Refusal> {
    let inks = matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK);
    let target = if inks { ColorSpace::JCS_CMYK } else { ColorSpace::JCS_RGB };
    let mut started = decoder.to_colorspace(target).map_err(|_| unreadable())?;
    let (width, height) = (side(started.width())?, side(started.height())?);
    let mut bytes = started.read_scanlines::<u8>().map_err(|_| unreadable())?;
    if inks {
        bytes = colours.of_inks(&bytes);
    }
    Ok(Raster { width, height, alpha: false, bytes })
}

fn orientation(decoder: &Decompress<Feed<'_>>) -> Orientation {
    let exif = decoder.markers().find_map(|m| m.data.strip_prefix(b"Exif\0\0"));
    exif.map(Orientation::from_exif).unwrap_or_default()
}

/// The colour profile, from as many segments as it takes.
fn icc(decoder: &Decompress<Feed<'_>>) -> Option<Vec<u8>> {
    let mut parts: Vec<(u8, &[u8])> = decoder
        .markers()
        .filter_map(|marker| match marker.data.strip_prefix(b"ICC_PROFILE\0")? {
            [number, _count, part @ ..] => Some((*number, part)),
            _ => None,
        })
        .collect();
    parts.sort_by_key(|&(number, _)| number);
    let profile: Vec<u8> = parts.into_iter().flat_map(|(_, part)| part).copied().collect();
    (!profile.is_empty()).then_some(profile)
}

fn side(length: usize) -> Result<u32, Refusal> {
    u32::try_from(length).map_err(|_| unreadable())
}

fn unreadable() -> Refusal {
    Refusal::broken("The JPEG cannot be read, it is damaged: save it anew and send that")
}

/// The file in pieces, as long as there is time. Between pieces even a decoder that works through a
/// whole file at once is stopped.
struct Feed<'a> {
    rest: &'a [u8],
    deadline: &'a Deadline,
    /// Whether more was asked for than there is.
    ended: &'a Cell<bool>,
}

const PIECE: usize = 256 << 10;

impl BufRead for Feed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.deadline.passed() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.ended.set(self.ended.get() || self.rest.is_empty());
        Ok(self.rest.get(..PIECE).unwrap_or(self.rest))
    }

    fn consume(&mut self, amount: usize) {
        self.rest = self.rest.get(amount..).unwrap_or_default();
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let amount = self.fill_buf()?.read(target)?;
        self.consume(amount);
        Ok(amount)
    }
}

#[cfg(test)]
mod tests {
    use super::eighths;

    #[test]
    fn the_scale_leaves_enough() {
        let table = [
            (100, 8),
            (2048, 8),
            (4032, 8),
            (4096, 4),
            (8191, 4),
            (8192, 2),
            (16_384, 1),
            (60_000, 1),
        ];
        for (longer, expected) in table {
            assert_eq!(eighths(longer, 2048), expected, "{longer}");
        }
    }
}
