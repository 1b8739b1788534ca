"""How close renditions are to their originals, as one line of JSON for each folder given.

    quality.py ORIGINALS FOLDER...

The reference is neutral: the original, turned upright and made as small as the rendition by Pillow's
Lanczos. SSIM is the mean over windows of 8 x 8 and over red, green and blue; DSSIM is 1/SSIM - 1.
"""

import json
import sys
from pathlib import Path

import numpy
from PIL import Image, ImageOps

WINDOW = 8


def means(values):
    sums = numpy.cumsum(numpy.cumsum(values, axis=0), axis=1)
    sums = numpy.pad(sums, ((1, 0), (1, 0)))
    boxes = sums[WINDOW:, WINDOW:] - sums[:-WINDOW, WINDOW:] - sums[WINDOW:, :-WINDOW] + sums[:-WINDOW, :-WINDOW]
    return boxes / WINDOW**2


def ssim(a, b):
    mean_a, mean_b = means(a), means(b)
    spread_a, spread_b = means(a * a) - mean_a**2, means(b * b) - mean_b**2
    common = means(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_a * mean_b + c1) * (2 * common + c2)
    return (likeness / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))).mean()


def compared(original, rendition):
    with Image.open(rendition) as opened:
        found = opened.convert("RGB")
    with Image.open(original) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    wanted = upright.resize(found.size, Image.Resampling.LANCZOS)
    wanted, found = numpy.asarray(wanted, dtype="float64"), numpy.asarray(found, dtype="float64")
    return sum(ssim(wanted[..., channel], found[..., channel]) for channel in range(3)) / 3


def main(originals, folders):
    for folder in folders:
        for kind in ["main", "thumbnail"]:
            scores, size = [], 0
            for original in sorted(originals.glob("*.jpg")):
                rendition = folder / f"{original.stem}.{kind}"
                scores.append(compared(original, rendition))
                size += rendition.stat().st_size
                with Image.open(rendition) as opened:
                    assert not opened.getexif(), f"{rendition} still has EXIF"
            mean = sum(scores) / len(scores)
            print(json.dumps({"folder": folder.name, "kind": kind, "ssim": mean, "dssim": 1 / mean - 1, "bytes": size}), flush=True)


main(Path(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]])
