#!/usr/bin/env python3
"""Does OpenJPEG read what `personhood record create --format jpeg2000` writes, and read it exactly?

python -m pip install pillow numpy; python testdata/jpeg2000/judge.py target/release/personhood

`written.jp2`, then noise, flat and sparse pictures of many sizes, each as PNG into a record and out of it again.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy
from PIL import Image, features

HERE = pathlib.Path(__file__).parent


def levels(file):
    with Image.open(file) as picture:
        assert picture.mode == "L", f"{file}: {picture.mode}"
        return numpy.array(picture)


def through_a_record(program, pixels, folder):
    png, record, out = folder / "x.png", folder / "x.iir", folder / "out"
    Image.fromarray(pixels).save(png)
    subprocess.run([program, "record", "create", "--unknown", png, "--format", "jpeg2000", "--out", record, "--quiet"],
                   check=True, capture_output=True)
    subprocess.run([program, "record", "extract", record, "--out", out, "--quiet"], check=True, capture_output=True)
    return levels(out / "1-unknown.jp2")


def pictures():
    random = numpy.random.default_rng(1)
    for rows, columns in [(64, 64), (64, 200), (200, 65), (65, 64), (66, 67), (127, 130), (128, 129), (193, 97), (71, 1000), (480, 640)]:
        shape = (rows, columns)
        yield random.integers(0, 256, shape)
        yield random.integers(0, 2, shape) * 255
        yield numpy.full(shape, 255)
        yield numpy.indices(shape).sum(0) % 2 * 255
        yield random.integers(0, 256, shape) * (random.random(shape) < 0.02)


assert numpy.array_equal(levels(HERE / "written.jp2"), levels(HERE / "grey.png")), "written.jp2"
count = 0
with tempfile.TemporaryDirectory() as folder:
    for pixels in pictures():
        pixels = pixels.astype(numpy.uint8)
        found = through_a_record(sys.argv[1], pixels, pathlib.Path(folder))
        assert numpy.array_equal(found, pixels), f"{pixels.shape} differs"
        count += 1
print(f"OpenJPEG {features.version_codec('jpg_2000')} read {count + 1} files exactly")
