//! WAV, compressed to Opus in Ogg (RFC 7845): a tenth of the bytes and less.

use std::io::Cursor;

use fast_image_resize::PixelType;
use hound::{SampleFormat, WavReader, WavSpec};
use ogg::{PacketWriteEndInfo, PacketWriter};
use ropus::{Application, Bitrate, Channels, Encoder};

use super::limits::{Deadline, Limits};
use super::resample::{self, Part, Samples};
use super::{Media, Refusal, voice};

/// The rates that Opus takes. Positions in an Ogg stream always count in the last of them.
const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
const POSITIONS: u32 = 48_000;
/// For speech; each channel.
const BITS_PER_SECOND: u32 = 32_000;
/// The stream's number, of which a file has only one.
const SERIAL: u32 = 1;

pub(super) fn compress(
    bytes: &[u8],
    limits: &Limits,
    deadline: &Deadline,
) -> Result<Media, Refusal> {
    let reader = WavReader::new(Cursor::new(bytes)).map_err(fault)?;
    let spec = reader.spec();
    let seconds = u64::from(reader.duration()) / u64::from(spec.sample_rate.max(1));
    if spec.sample_rate == 0 || !matches!(spec.channels, 1 | 2) {
        return Err(Refusal::unsupported(
            "The WAV has more than two channels: send it in stereo or mono",
        ));
    }
    if seconds > limits.sound.as_secs() {
        return Err(Refusal::too_large(format!(
            "The WAV is {seconds} s long and {} are allowed: send a shorter one",
            limits.sound.as_secs()
        )));
    }
    let rate = RATES.into_iter().find(|&rate| rate >= spec.sample_rate).unwrap_or(POSITIONS);
    // Floats: as read, apart by channel, and at the new rate.
    let samples = u64::from(reader.len());
    let memory = samples * 8 + samples * u64::from(rate) / u64::from(spec.sample_rate) * 4;
    if memory > limits.memory {
        return Err(Refusal::too_large(format!(
            "The WAV takes {} MB to open and {} are allowed: send a shorter one",
            memory >> 20,
            limits.memory >> 20
        )));
    }
    let channels = channels(reader)?;
    deadline.check()?;
    let channels: Vec<Vec<f32>> = channels
        .iter()
        .map(|samples| at_rate(samples, spec.sample_rate, rate))
        .collect::<Result<_, _>>()?;
    deadline.check()?;
    Ok(voice::sound(encode(&channels, rate, spec.sample_rate, deadline)?, "audio/ogg"))
}

/// The samples of each channel, between -1 and 1.
fn channels(reader: WavReader<Cursor<&[u8]>>) -> Result<Vec<Vec<f32>>, Refusal> {
    let WavSpec { channels, bits_per_sample, sample_format, .. } = reader.spec();
    let samples: Vec<f32> = match sample_format {
        SampleFormat::Float => reader.into_samples().collect::<Result<_, _>>().map_err(fault)?,
        SampleFormat::Int => {
            #[allow(clippy::cast_precision_loss)] // Rounded to the 24 bits of a float: inaudible.
            let level =
                |sample: i32| sample as f32 / (1_u64 << (bits_per_sample.max(1) - 1)) as f32;
            let samples = reader.into_samples().map(|sample| sample.map(level));
            samples.collect::<Result<_, _>>().map_err(fault)?
        }
    };
    let count = usize::from(channels);
    Ok((0..count)
        .map(|channel| {
            // What is no number would silence all that comes after it.
            let own = samples.iter().skip(channel).step_by(count);
            own.map(|sample| if sample.is_finite() { sample.clamp(-1.0, 1.0) } else { 0.0 })
                .collect()
        })
        .collect())
}

/// How far beyond a second its neighbours are looked at, in samples: more than the filter reaches.
const MARGIN: usize = 64;

/// A sound is a picture one pixel high: the same filter changes its rate. Second by second, as the filter
/// keeps a table for every sample that it makes.
fn at_rate(samples: &[f32], from: u32, to: u32) -> Result<Vec<f32>, Refusal> {
    if from == to {
        return Ok(samples.to_vec());
    }
    let mut changed = Vec::with_capacity(samples.len() / from as usize * to as usize);
    for start in (0..samples.len()).step_by(from as usize) {
        let end = (start + from as usize).min(samples.len());
        let window = start.saturating_sub(MARGIN)..(end + MARGIN).min(samples.len());
        let length = u32::try_from(end - start).map_err(fault)?;
        let left = u32::try_from(start - window.start).map_err(fault)?;
        let target = u64::from(length) * u64::from(to) / u64::from(from);
        let target = u32::try_from(target.max(1)).map_err(fault)?;

        let width = u32::try_from(window.len()).map_err(fault)?;
        let bytes: Vec<u8> =
            samples.get(window).unwrap_or_default().iter().flat_map(|s| s.to_ne_bytes()).collect();
        let source =
            Samples { bytes: &bytes, pixel: PixelType::F32, stride: width, width, height: 1 };
        let part = Part { left: left.into(), width: length.into(), height: 1.0 };
        let bytes = resample::resize(source, part, target, 1)?;
        changed.extend(bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]])));
    }
    Ok(changed)
}

fn encode(
    channels: &[Vec<f32>],
    rate: u32,
    original_rate: u32,
    deadline: &Deadline,
) -> Result<Vec<u8>, Refusal> {
    let (layout, count) =
        if channels.len() == 1 { (Channels::Mono, 1_u8) } else { (Channels::Stereo, 2) };
    let mut encoder = Encoder::builder(rate, layout, Application::Voip)
        .bitrate(Bitrate::Bits(BITS_PER_SECOND * u32::from(count)))
        .build()
        .map_err(fault)?;
    // In positions, whatever the rate of the encoder.
    let delay = encoder.lookahead() * (POSITIONS / rate);
    let mut writer = PacketWriter::new(Vec::new());
    writer
        .write_packet(head(count, delay, original_rate), SERIAL, PacketWriteEndInfo::EndPage, 0)
        .map_err(fault)?;
    writer.write_packet(tags(), SERIAL, PacketWriteEndInfo::EndPage, 0).map_err(fault)?;

    let frame = rate as usize / 50;
    let length = channels.first().map_or(0, Vec::len);
    let step = u64::from(POSITIONS / rate);
    // The encoder runs behind: silence at the end brings out what it still holds.
    let frames = (length + encoder.lookahead() as usize).div_ceil(frame).max(1);
    let last = length as u64 * step + u64::from(delay);
    let mut packet = vec![0; 4_000];
    for number in 0..frames {
        let block = interleaved(channels, number * frame, frame);
        let size = encoder.encode_float(&block, &mut packet).map_err(fault)?;
        let end = number + 1 == frames;
        let position = if end { last } else { ((number + 1) * frame) as u64 * step };
        let info = if end {
            PacketWriteEndInfo::EndStream
        } else if number % 50 == 49 {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        let bytes = packet.get(..size).unwrap_or_default().to_vec();
        writer.write_packet(bytes, SERIAL, info, position).map_err(fault)?;
        deadline.check()?;
    }
    Ok(writer.into_inner())
}

/// `length` samples of each channel from `start` on, in turn; silence beyond the end.
fn interleaved(channels: &[Vec<f32>], start: usize, length: usize) -> Vec<f32> {
    (start..start + length)
        .flat_map(|at| {
            channels.iter().map(move |channel| channel.get(at).copied().unwrap_or_default())
        })
        .collect()
}

/// `OpusHead`, RFC 7845 section 5.1.
fn head(channels: u8, delay: u32, original_rate: u32) -> Vec<u8> {
    let mut head = b"OpusHead\x01".to_vec();
    head.push(channels);
    head.extend(u16::try_from(delay).unwrap_or(312).to_le_bytes());
    head.extend(original_rate.to_le_bytes());
    head.extend([0, 0, 0]);
    head
}

/// `OpusTags`, RFC 7845 section 5.2: a vendor, and no comments.
fn tags() -> Vec<u8> {
    let vendor = b"starling";
    let mut tags = b"OpusTags".to_vec();
    tags.extend(u32::try_from(vendor.len()).unwrap_or_default().to_le_bytes());
    tags.extend(vendor);
    tags.extend(0_u32.to_le_bytes());
    tags
}

fn fault(error: impl std::fmt::Display) -> Refusal {
    Refusal::broken(format!("The WAV cannot be compressed ({error}): save it anew and send that"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
    fn another_rate_is_the_same_sound_across_the_seconds() {
        let tone = |at: f64| (at * 440.0 * std::f64::consts::TAU).sin() as f32;
        for (from, to) in [(11_025, 12_000), (44_100, 48_000), (96_000, 48_000)] {
            // The middle of each sample, as pixels have theirs.
            let middle = |at: usize, rate: u32| (at as f64 + 0.5) / f64::from(rate);
            let samples: Vec<f32> =
                (0..from as usize * 11 / 5).map(|at| tone(middle(at, from))).collect();
            let changed = at_rate(&samples, from, to).unwrap();
            assert_eq!(changed.len(), to as usize * 11 / 5);
            let inside = 100..changed.len() - 100;
            for at in inside {
                let difference = (changed[at] - tone(middle(at, to))).abs();
                assert!(difference < 0.02, "{from} to {to}, sample {at}: {difference}");
            }
        }
    }
}
