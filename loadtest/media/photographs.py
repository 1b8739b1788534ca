"""Makes photographs as phones do, of 12 megapixels, from the freely licensed ones of a Debian package.

    photographs.py SOURCE TARGET

Each picture is continued by its mirror image to 4032 x 3024, at its own sharpness, and gets the grain
of a small sensor: without it the files are half as large as those of phones. Half of them stand on their
side and say so in EXIF; all have a position in it that no rendition may keep.
"""

import sys
from pathlib import Path

import numpy
from PIL import Image

WIDTH, HEIGHT = 4032, 3024
NAMES = ["Aqua", "FreshFlower", "Garden", "LadyBird", "Storm", "TwoWings", "Wood", "YellowFlower"]
ORIENTATION, GPS = 0x0112, 0x8825


def continued(picture):
    missing = [(0, max(0, HEIGHT - picture.shape[0])), (0, max(0, WIDTH - picture.shape[1])), (0, 0)]
    return numpy.pad(picture, missing, mode="symmetric")[:HEIGHT, :WIDTH]


def grained(picture, random):
    light = random.normal(0, 3, picture.shape[:2])[..., None]
    return numpy.clip(picture + light + random.normal(0, 1, picture.shape), 0, 255).astype("uint8")


def main(source, target):
    random = numpy.random.default_rng(7)
    target.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        with Image.open(source / f"{name}.jpg") as opened:
            picture = grained(continued(numpy.asarray(opened.convert("RGB"))), random)
        exif = Image.Exif()
        exif[ORIENTATION] = 6 if number % 2 else 1
        exif.get_ifd(GPS)[2] = (52.0, 31.0, 12.0)
        Image.fromarray(picture).save(target / f"{name}.jpg", quality=90, subsampling="4:2:0", exif=exif)


main(Path(sys.argv[1]), Path(sys.argv[2]))
