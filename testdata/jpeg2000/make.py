#!/usr/bin/env python3
"""Writes the JPEG 2000 files of this folder with OpenJPEG, another implementation than the one that reads them.

python -m pip install imagecodecs==2026.3.6 pillow numpy; python testdata/jpeg2000/make.py
"""
import io
import pathlib

import imagecodecs
import numpy
from PIL import Image

HERE = pathlib.Path(__file__).parent
EYE = HERE.parent / "eyes/person-01/left-1.png"


def pillow(pixels, name, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG2000", no_jp2=name.endswith(".j2k"), **options)
    (HERE / name).write_bytes(buffer.getvalue())


def deep(pixels, name, bits):
    kind = "j2k" if name.endswith(".j2k") else "jp2"
    data = imagecodecs.jpeg2k_encode(pixels, codecformat=kind, bitspersample=bits, reversible=True, resolutions=4)
    (HERE / name).write_bytes(data)


whole = numpy.asarray(Image.open(EYE).convert("L"))
grey = numpy.ascontiguousarray(whole[110:190, 150:246])
Image.fromarray(grey).save(HERE / "grey.png", optimize=True)
wide = grey.astype(numpy.uint16)
noise = numpy.random.Generator(numpy.random.PCG64(1)).integers(0, 256, grey.shape, numpy.uint16)
colour = numpy.stack([grey, grey[::-1], grey[:, ::-1]], 2)
Image.fromarray(colour).save(HERE / "colour.png", optimize=True)

# Lossless: the grey levels must come back as they are in grey.png.
pillow(whole, "eye.jp2", irreversible=False)
pillow(grey, "grey-8.jp2", irreversible=False)
pillow(grey, "grey-8.j2k", irreversible=False)
deep((wide << 4) | (noise & 15), "grey-12.jp2", 12)
deep((wide << 8) | noise, "grey-16.j2k", 16)
pillow((wide << 8) | noise, "grey-16.jp2", irreversible=False)
pillow(grey, "tiles.jp2", irreversible=False, tile_size=(40, 33), tile_offset=(0, 0))
pillow(grey, "precincts.j2k", irreversible=False, precinct_size=(32, 32), codeblock_size=(16, 8), num_resolutions=4)
pillow(grey, "layers.jp2", irreversible=False, quality_mode="rates", quality_layers=[20, 5, 1], progression="RPCL")
pillow(numpy.dstack([grey, 255 - grey]), "grey-and-alpha.jp2", irreversible=False)
# Colour, lossless, with and without the component transformation.
pillow(colour, "colour.jp2", irreversible=False, mct=1)
pillow(colour, "colour.j2k", irreversible=False, mct=0)
# Lossy: OpenJPEG's own decoding is what ours is compared with.
pillow(grey, "lossy.jp2", irreversible=True, quality_mode="dB", quality_layers=[38])
Image.open(HERE / "lossy.jp2").save(HERE / "lossy.png", optimize=True)

# Broken in one way each.
good = (HERE / "grey-8.j2k").read_bytes()
boxed = (HERE / "grey-8.jp2").read_bytes()
size = good.index(b"\xff\x51") + 4
broken = {
    "cut-off.j2k": good[: len(good) // 2],
    "cut-off.jp2": boxed[: len(boxed) // 2],
    "no-end.j2k": good[:-2],
    "huge.j2k": good[: size + 2] + b"\x7f\xff\xff\xff" * 2 + good[size + 10:],
    "small.j2k": good[: size + 2] + b"\0\0\0\x20" * 2 + good[size + 10:],
    "many-tiles.j2k": good[: size + 2 + 16] + b"\0\0\0\x01" * 2 + good[size + 26:],
    "many-components.j2k": good[: size + 34] + b"\x40\x00" + good[size + 36:],
    "signed.j2k": good[: size + 36] + b"\x87" + good[size + 37:],
    "two-bits.j2k": good[: size + 36] + b"\x01" + good[size + 37:],
    "subsampled.j2k": good[: size + 37] + b"\x02\x02" + good[size + 39:],
    "no-codestream.jp2": boxed[: boxed.index(b"jp2c") - 4],
    "long-box.jp2": boxed.replace(b"jp2h", b"jp2h", 1).replace(b"\0\0\0\x2djp2h", b"\xff\0\0\x2djp2h", 1),
}
# A palette of two entries behind the colour specification; the header box grows by its 14 bytes.
head = boxed.index(b"jp2h")
inside = boxed[head + 4: boxed.index(b"jp2c") - 4] + b"\0\0\0\x0epclr" + b"\0\x02\x01\x07\x00\xff"
broken["palette.jp2"] = (
    boxed[: head - 4] + (len(inside) + 8).to_bytes(4, "big") + b"jp2h" + inside + boxed[boxed.index(b"jp2c") - 4:]
)
for name, data in broken.items():
    (HERE / "bad" / name).write_bytes(data)
