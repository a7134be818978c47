#!/usr/bin/env python3
"""What OpenCV and numpy make of small pictures, as open-iris 1.11.2 prepares them for its network.

python -m pip install opencv-python-headless numpy; python testdata/onnx/make.py
"""
import pathlib

import cv2
import numpy

HERE = pathlib.Path(__file__).parent
grey = cv2.imread(str(HERE.parent / "jpeg2000/grey.png"), cv2.IMREAD_GRAYSCALE)
for width, height in [(48, 40), (64, 48), (61, 47), (140, 120), (192, 160)]:
    cv2.imwrite(str(HERE / f"resized-{width}x{height}.png"), cv2.resize(grey, (width, height)))
# OpenCV's own filter. The one of Intel's library, which x86 wheels call instead where they find it, cuts halves off: it gives
# one level less in about half of the pixels.
cv2.ipp.setUseIPP(False)
filtered = cv2.bilateralFilter(grey, d=5, sigmaColor=75, sigmaSpace=10)
cv2.imwrite(str(HERE / "denoised.png"), numpy.where(grey < 75, grey, filtered))

levels = numpy.arange(256) / 255
with open(HERE / "normalised.csv", "w") as table:
    for mean, deviation in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)):
        values = (levels - mean) / deviation
        for value in values:
            # The shortest decimals that give the value in single precision; a half is a single, too.
            row = (value.astype(numpy.float32), value.astype(numpy.float16).astype(numpy.float32))
            print(*(numpy.format_float_positional(one, trim="-") for one in row), sep=",", file=table)
