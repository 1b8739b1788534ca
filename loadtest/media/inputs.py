"""Makes files that ask as much memory of the pipeline as it gives, and some that ask for more.

    inputs.py PHOTOGRAPH TARGET

PHOTOGRAPH is one of 12 megapixels. The names tell what to expect: what begins with `bomb` is refused.
"""

import struct
import sys
import wave
import zlib
from pathlib import Path

import numpy
from PIL import Image

MAX_BYTES = 10 * 1024 * 1024


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png_bomb(side):
    """A header that claims so many pixels a side, and hardly any."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def gif_bomb(frames):
    """So many frames of a pixel each."""
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00" + b"\x2c\0\0\0\0\x01\0\x01\0\0" + b"\x02\x02\x44\x01\x00"
    return b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff" + frame * frames + b"\x3b"


def sound(path):
    """Noise and a tone, as a recorder saves it: stereo, 48 kHz, as long as may be."""
    samples = (MAX_BYTES - 44) // 4
    tone = 8000 * numpy.sin(numpy.arange(samples) * 2 * numpy.pi * 440 / 48000)
    noise = numpy.random.default_rng(7).normal(0, 500, (samples, 2))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes((tone[:, None] + noise).astype("<i2").tobytes())


def main(photograph, target):
    target.mkdir(parents=True, exist_ok=True)
    with Image.open(photograph) as opened:
        picture = opened.convert("RGB")
    picture.save(target / "photograph-baseline.jpg", quality=90)
    picture.save(target / "photograph-progressive.jpg", quality=90, progressive=True)
    # As many pixels as are allowed, with hardly any bytes.
    flat = Image.new("RGB", (8000, 6250), (200, 120, 40))
    flat.save(target / "flat-50-megapixels.jpg", quality=90)
    flat.save(target / "flat-50-megapixels.png")
    sound(target / "sound-10-MB.wav")
    flat.save(target / "flat-50-megapixels-progressive.jpg", quality=90, progressive=True)
    # Its coefficients alone take 300 MB.
    bomb = target / "bomb-50-megapixels-progressive-444.jpg"
    flat.save(bomb, quality=90, progressive=True, subsampling="4:4:4")
    (target / "bomb-50000x50000.png").write_bytes(png_bomb(50_000))
    (target / "bomb-10000-frames.gif").write_bytes(gif_bomb(10_000))
    truncated = (target / "photograph-baseline.jpg").read_bytes()
    (target / "bomb-truncated.jpg").write_bytes(truncated[: len(truncated) // 2])


main(Path(sys.argv[1]), Path(sys.argv[2]))
