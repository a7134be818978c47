#!/usr/bin/env python3
"""Iris image records of ISO/IEC 19794-6:2011: a writer and a reader from one table of fields; standard library only.

make.py            writes the records of this folder
make.py FILE...    prints every field of records, for comparison with `personhood record info --json`
"""
import pathlib
import struct
import sys
import zlib

HERE = pathlib.Path(__file__).parent
# Name and struct code (big-endian); `quality` and `image` are repeated and sized by the field before them.
GENERAL = [("format", "4s"), ("version", "4s"), ("length", "I"), ("representations", "H"), ("certification", "B"), ("eyes", "B")]
BEFORE_QUALITY = [
    ("length", "I"), ("year", "H"), ("month", "B"), ("day", "B"), ("hour", "B"), ("minute", "B"), ("second", "B"),
    ("millisecond", "H"), ("technology", "B"), ("device_vendor", "H"), ("device_type", "H"), ("quality_blocks", "B"),
]
QUALITY = [("score", "B"), ("vendor", "H"), ("algorithm", "H")]
AFTER_QUALITY = [
    ("number", "H"), ("eye", "B"), ("kind", "B"), ("format", "B"), ("properties", "B"), ("width", "H"), ("height", "H"),
    ("depth", "B"), ("range", "H"), ("roll", "H"), ("roll_uncertainty", "H"), ("x_least", "H"), ("x_most", "H"),
    ("y_least", "H"), ("y_most", "H"), ("diameter_least", "H"), ("diameter_most", "H"), ("image_length", "I"),
]
UNDEFINED = dict(
    year=0xFFFF, month=0xFF, day=0xFF, hour=0xFF, minute=0xFF, second=0xFF, millisecond=0xFFFF, technology=0,
    device_vendor=0, device_type=0, quality=[], eye=0, properties=0, range=0, roll=0xFFFF, roll_uncertainty=0xFFFF,
    x_least=0, x_most=0, y_least=0, y_most=0, diameter_least=0, diameter_most=0,
)


def pack(table, values):
    return struct.pack(">" + "".join(code for _, code in table), *(values[name] for name, _ in table))


def unpack(table, data, at):
    code = ">" + "".join(code for _, code in table)
    values = struct.unpack_from(code, data, at)
    return dict(zip((name for name, _ in table), values)), at + struct.calcsize(code)


def write(name, eyes, *representations):
    body = b""
    for number, given in enumerate(representations, 1):
        one = UNDEFINED | given | {"number": number, "image_length": len(given["image"])}
        one["quality_blocks"] = len(one["quality"])
        one["length"] = 0
        quality = b"".join(pack(QUALITY, dict(zip(("score", "vendor", "algorithm"), block))) for block in one["quality"])
        rest = quality + pack(AFTER_QUALITY, one) + one["image"]
        one["length"] = len(pack(BEFORE_QUALITY, one)) + len(rest)
        body += pack(BEFORE_QUALITY, one) + rest
    head = {"format": b"IIR\0", "version": b"020\0", "length": 16 + len(body), "representations": len(representations)}
    (HERE / name).write_bytes(pack(GENERAL, head | {"certification": 0, "eyes": eyes}) + body)


def show(path):
    data = pathlib.Path(path).read_bytes()
    head, at = unpack(GENERAL, data, 0)
    print(path, head)
    for _ in range(head["representations"]):
        one, at = unpack(BEFORE_QUALITY, data, at)
        one["quality"] = []
        for _ in range(one["quality_blocks"]):
            block, at = unpack(QUALITY, data, at)
            one["quality"].append(block)
        after, at = unpack(AFTER_QUALITY, data, at)
        one |= {"image_" + key if key == "format" else key: value for key, value in after.items()}
        one["image_crc32"] = zlib.crc32(data[at:at + one["image_length"]])
        at += one["image_length"]
        print("  ", one)
    assert at == len(data) == head["length"], (at, len(data), head["length"])


def grey_levels():
    """The pixels of grey.png (8-bit grey), without a library."""
    data, at, packed = (HERE.parent / "jpeg2000/grey.png").read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        packed += data[at + 8:at + 8 + length] if kind == b"IDAT" else b""
        at += length + 12
    raw, rows = zlib.decompress(packed), []
    before = bytes(97)
    for start in range(0, len(raw), 97):
        kind, row = raw[start], bytearray(b"\0" + raw[start + 1:start + 97])
        for x in range(1, 97):
            left, up, corner = row[x - 1], before[x], before[x - 1]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda one: abs(guess - one))
            row[x] = (row[x] + (0, left, up, (left + up) // 2, paeth)[kind]) & 255
        rows.append(bytes(row[1:]))
        before = bytes(row)
    return b"".join(rows)


if __name__ == "__main__":
    if sys.argv[1:]:
        for path in sys.argv[1:]:
            show(path)
        sys.exit()
    pictures = HERE.parent / "jpeg2000"
    grey = grey_levels()
    size = dict(width=96, height=80, depth=8)
    left = dict(
        size, image=(pictures / "grey.png").read_bytes(), year=2026, month=11, day=22, hour=21, minute=44, second=5,
        millisecond=123, technology=1, device_vendor=0x1234, device_type=0x5678,
        quality=[(87, 0x000D, 0x0001), (255, 0xABCD, 0xEF01)], eye=2, kind=1, format=14, properties=0b01_00_01_10,
        range=320, roll=364, roll_uncertainty=182, x_least=40, x_most=44, y_least=38, y_most=41, diameter_least=60,
        diameter_most=66,
    )
    right = dict(size, image=grey, year=2026, month=11, eye=1, kind=3, format=2, properties=0b01_00_10_01, range=1)
    masked = dict(
        size, image=(pictures / "grey-8.jp2").read_bytes(), eye=2, kind=7, format=10, properties=0b10_00_01_01, range=65535,
        quality=[(0, 0, 0)],
    )
    write("three.iir", 2, left, right, masked)
    deep = b"".join(struct.pack(">H", level << 4 | 9) for level in grey)
    write("unknown-eye.iir", 0, dict(size, depth=12, image=deep, kind=1, format=2))
