//! Voice notes: what is small passes, what is not is compressed.

use std::io::Cursor;
use std::time::Duration;

use media_worker::pipeline::{Limits, process};
use ropus::{Channels, DecodeMode, Decoder};
use wire::ErrorCode;

use super::make::{has, refused, taken, wav};

#[test]
fn compressed_voices_pass_as_they_are() {
    let mut ogg = b"OggS\0\x02".to_vec();
    ogg.resize(28, 0);
    ogg.extend(b"OpusHead\x01\x01");
    let frame = [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x1F, 0xFC, 0x00];
    let table: [(&str, Vec<u8>); 4] = [
        ("audio/ogg", ogg),
        (
            "audio/webm",
            b"\x1A\x45\xDF\xA3\x42\x82\x84webm A_OPUS OpusHead\x1F\x43\xB6\x75 V_".to_vec(),
        ),
        ("audio/mp4", b"\0\0\0\x18ftypM4A \0\0\0\0moov hdlr soun stsd mp4a".to_vec()),
        ("audio/aac", [frame, frame].concat()),
    ];
    for (mime, bytes) in table {
        let media = taken(&bytes);
        assert_eq!((media.main.mime, &media.main.bytes), (mime, &bytes));
        assert_eq!((media.main.width, media.thumbnail, media.blurhash), (None, None, None));
    }
    assert_eq!(
        refused(&frame).code,
        ErrorCode::UnsupportedMedia,
        "one frame alone may be anything"
    );
}

/// How loud, and how long, in samples at 48 kHz, an Ogg file with Opus is.
fn listen(bytes: &[u8]) -> (f32, usize, u64) {
    let mut reader = ogg::PacketReader::new(Cursor::new(bytes));
    let head = reader.read_packet_expected().unwrap().data;
    assert!(head.starts_with(b"OpusHead\x01"));
    let channels = if head[9] == 1 { Channels::Mono } else { Channels::Stereo };
    let delay = usize::from(u16::from_le_bytes([head[10], head[11]]));
    assert!(reader.read_packet_expected().unwrap().data.starts_with(b"OpusTags"));
    let mut decoder = Decoder::new(48_000, channels).unwrap();
    let mut pcm = vec![0.0; 5_760 * 2];
    let (mut samples, mut end) = (Vec::new(), 0);
    while let Some(packet) = reader.read_packet().unwrap() {
        end = packet.absgp_page();
        let count = decoder.decode_float(&packet.data, &mut pcm, DecodeMode::Normal).unwrap();
        samples.extend_from_slice(&pcm[..count * usize::from(head[9])]);
    }
    let kept = &samples[delay * usize::from(head[9])..];
    #[allow(clippy::cast_precision_loss)]
    let loudness =
        (kept.iter().map(|sample| sample * sample).sum::<f32>() / kept.len() as f32).sqrt();
    (loudness, delay, end)
}

#[test]
fn wav_becomes_opus() {
    for (rate, channels) in
        [(8_000, 1), (11_025, 1), (16_000, 1), (44_100, 2), (48_000, 2), (96_000, 1)]
    {
        let bytes = wav(rate, channels, 3);
        let media = taken(&bytes);
        assert_eq!(media.main.mime, "audio/ogg");
        assert!(media.main.bytes.len() * 3 < bytes.len(), "{rate}: {}", media.main.bytes.len());
        assert!(!has(&media.main.bytes, b"RIFF"));
        let (loudness, delay, end) = listen(&media.main.bytes);
        // A sine of 12,000 steps of 32,768.
        assert!((loudness - 0.259).abs() < 0.03, "{rate}: {loudness}");
        assert_eq!(delay, 312);
        assert!(end.abs_diff(3 * 48_000 + 312) < 20, "{rate}: {end}");
    }
}

#[test]
fn wav_that_is_too_long_or_damaged_is_refused() {
    let limits = Limits { sound: Duration::from_secs(2), ..Limits::default() };
    assert_eq!(process(&wav(8_000, 1, 3), &limits).unwrap_err().code, ErrorCode::TooLarge);
    let limits = Limits { memory: 190_000, ..Limits::default() };
    let refusal = process(&wav(8_000, 1, 2), &limits).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::TooLarge, "{refusal}");
    assert_eq!(refused(&wav(8_000, 5, 1)).code, ErrorCode::UnsupportedMedia);
    assert_eq!(refused(&wav(8_000, 1, 1)[..30]).code, ErrorCode::Invalid);
}
