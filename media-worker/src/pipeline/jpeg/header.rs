//! What a JPEG claims of itself, read before any decoder sees it.

use super::super::Refusal;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The coefficients of the whole picture are kept until the last scan.
    pub buffered: bool,
    /// Scans; of a picture that is not [`Self::buffered`], only the first is counted.
    pub scans: usize,
}

/// Up to the first scan, and over all of them if the picture comes in several.
pub(super) fn read(bytes: &[u8]) -> Result<Header, Refusal> {
    let mut header = Header { buffered: false, scans: 0 };
    let mut components = 0;
    let mut at = 2;
    while let Some((marker, body, next)) = segment(bytes, at) {
        match marker {
            // Start of frame: baseline, extended, progressive. DHT, JPG and DAC are not.
            0xC0..=0xC2 => {
                let &[precision, _, _, _, _, count, ..] = body else { break };
                if precision != 8 {
                    return Err(Refusal::unsupported(format!(
                        "The JPEG has {precision} bits a colour and 8 are taken: save it with 8"
                    )));
                }
                components = count;
                header.buffered |= marker == 0xC2;
            }
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                return Err(Refusal::unsupported(
                    "The JPEG is of a rare variety (lossless or arithmetic): save it as baseline or progressive",
                ));
            }
            0xDA => {
                header.scans += 1;
                header.buffered |= body.first().is_some_and(|&in_scan| in_scan < components);
                if !header.buffered {
                    break;
                }
            }
            0xD9 => break,
            _ => {}
        }
        at = next;
    }
    if components == 0 || header.scans == 0 {
        return Err(Refusal::broken("The JPEG holds no picture: save it anew and send that"));
    }
    Ok(header)
}

/// The next marker at or after `at`, its segment, and where that ends. Compressed data is stepped over.
fn segment(bytes: &[u8], at: usize) -> Option<(u8, &[u8], usize)> {
    let rest = bytes.get(at..)?;
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
    let found = at + rest.windows(2).position(is_marker)?;
    let marker = bytes[found + 1];
    if marker == 0xD9 {
        return Some((marker, &[], found + 2));
    }
    let &[high, low, ..] = bytes.get(found + 2..)? else { return None };
    let end = found + 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
    Some((marker, bytes.get(found + 4..end)?, end))
}
