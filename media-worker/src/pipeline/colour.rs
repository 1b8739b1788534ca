//! Colours as sRGB: every rendition is, so that none has to carry a profile.

use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::raster::Raster;

/// The largest profile that is looked at; those of printers have some megabytes.
const LARGEST: usize = 4 << 20;

/// What a picture's own numbers mean.
pub(super) enum Colours {
    /// sRGB, or so close that no one sees a difference; also where nothing usable is said.
    Standard,
    Rgb(Box<ColorProfile>),
    Cmyk(Box<ColorProfile>),
}

impl Colours {
    pub(super) fn of(icc: Option<&[u8]>) -> Self {
        let profile = icc
            .filter(|icc| icc.len() <= LARGEST)
            .and_then(|icc| ColorProfile::new_from_slice(icc).ok())
            .map(Box::new);
        match profile {
            Some(profile) if profile.color_space == DataColorSpace::Cmyk => Self::Cmyk(profile),
            Some(profile)
                if profile.color_space == DataColorSpace::Rgb && !is_standard(&profile) =>
            {
                Self::Rgb(profile)
            }
            _ => Self::Standard,
        }
    }

    /// Changes the picture to sRGB. A profile that cannot be used leaves it as it is.
    pub(super) fn make_standard(&self, mut raster: Raster) -> Raster {
        let Self::Rgb(profile) = self else { return raster };
        let layout = if raster.alpha { Layout::Rgba } else { Layout::Rgb };
        if let Some(bytes) = transformed(profile, &raster.bytes, layout, layout, raster.bytes.len())
        {
            raster.bytes = bytes;
        }
        raster
    }

    /// RGB of ink: four bytes a pixel, 255 for none of it, as Adobe writes them.
    pub(super) fn of_inks(&self, inks: &[u8]) -> Vec<u8> {
        if let Self::Cmyk(profile) = self {
            let covered: Vec<u8> = inks.iter().map(|ink| 255 - ink).collect();
            let length = inks.len() / 4 * 3;
            if let Some(bytes) = transformed(profile, &covered, Layout::Rgba, Layout::Rgb, length) {
                return bytes;
            }
        }
        let product = |a: u8, b: u8| {
            u8::try_from((u16::from(a) * u16::from(b) + 127) / 255).unwrap_or(u8::MAX)
        };
        inks.chunks_exact(4).flat_map(|i| [0, 1, 2].map(|c| product(i[c], i[3]))).collect()
    }
}

fn transformed(
    profile: &ColorProfile,
    source: &[u8],
    from: Layout,
    to: Layout,
    length: usize,
) -> Option<Vec<u8>> {
    let transform = profile
        .create_transform_8bit(from, &ColorProfile::new_srgb(), to, TransformOptions::default())
        .ok()?;
    let mut target = vec![0; length];
    transform.transform(source, &mut target).ok()?;
    Some(target)
}

/// Whether the profile leaves colours where sRGB has them, to two steps of 255: there are many
/// profiles of sRGB, and no two of the same bytes.
fn is_standard(profile: &ColorProfile) -> bool {
    const STEPS: [u8; 5] = [0, 64, 128, 192, 255];
    let colours: Vec<u8> = STEPS
        .iter()
        .flat_map(|&r| STEPS.iter().flat_map(move |&g| STEPS.iter().flat_map(move |&b| [r, g, b])))
        .collect();
    transformed(profile, &colours, Layout::Rgb, Layout::Rgb, colours.len())
        .is_none_or(|there| there.iter().zip(&colours).all(|(a, b)| a.abs_diff(*b) <= 2))
}
