#!/usr/bin/env python3
"""Writes the broken pictures of this folder; standard library only, same bytes every time."""
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).parent
W = H = 80
GREY = bytes((x * 3 + y) % 256 for y in range(H) for x in range(W))


def png(width, height, pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(len(pixels) // width if pixels else 0))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def jpeg(blocks):
    """An even grey picture of 80x80: every block is one Huffman code for 'no difference' and one for 'end of block'."""
    def segment(marker, data):
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data
    quantisation = segment(0xDB, b"\0" + b"\x01" * 64)
    frame = segment(0xC0, struct.pack(">BHHB", 8, H, W, 1) + bytes([1, 0x11, 0]))
    one_code = bytes([1] + [0] * 15) + b"\0"
    tables = segment(0xC4, b"\x00" + one_code) + segment(0xC4, b"\x10" + one_code)
    scan = segment(0xDA, bytes([1, 1, 0, 0, 63, 0]))
    return b"\xFF\xD8" + quantisation + frame + tables + scan + b"\0" * (blocks * 2 // 8)


def bmp(width, height, pixels):
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256))
    offset = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, 0, 2835, 2835, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + palette + pixels


def tiff(bits, sample_format, pixels, directory=8):
    entries = [
        (256, 3, 1, W), (257, 3, 1, H), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8 + 2 + 10 * 12 + 4), (277, 3, 1, 1), (278, 3, 1, H), (279, 4, 1, W * H * bits // 8),
        (339, 3, 1, sample_format),
    ]
    ifd = struct.pack("<H", len(entries))
    for tag, kind, count, value in entries:
        ifd += struct.pack("<HHI", tag, kind, count) + struct.pack("<HH" if kind == 3 else "<I", *((value, 0) if kind == 3 else (value,)))
    return b"II*\0" + struct.pack("<I", directory) + ifd + b"\0\0\0\0" + pixels


whole_png = png(W, H, GREY)
data_at = whole_png.index(b"IDAT") + 4
files = {
    "empty.png": b"",
    "text.png": b"This is no picture.\n",
    "animation.gif": b"GIF89a\x50\0\x50\0\0\0\0;",
    "cut-off.png": whole_png[:len(whole_png) // 2],
    "checksum.png": whole_png[:data_at + 9] + bytes([whole_png[data_at + 9] ^ 1]) + whole_png[data_at + 10:],
    "huge.png": png(100_000, 100_000, b""),
    "too-few-rows.png": png(W, H, GREY[:W * 10]),
    "cut-off.jpg": jpeg(100)[:-8],
    "only-markers.jpg": b"\xFF\xD8\xFF\xD9",
    "cut-off.bmp": bmp(W, H, GREY)[:3000],
    "huge.bmp": bmp(60_000, 60_000, b""),
    "impossible.bmp": bmp(2**31 - 1, 2**31 - 1, b""),
    "cut-off.tif": tiff(8, 1, GREY)[:3000],
    "no-directory.tif": tiff(8, 1, GREY, directory=2**31),
    "floating-point.tif": tiff(32, 3, struct.pack("<f", 0.5) * (W * H)),
    "cut-off.pgm": b"P5 80 80 255\n" + GREY[:1000],
    "no-grey-levels.pgm": b"P5 80 80 0\n" + GREY,
    "no-columns.pgm": b"P5 0 80 255\n",
    "thumbnail.pgm": b"P5 8 8 255\n" + GREY[:64],
    "huge.pgm": b"P5 4294967295 4294967295 255\n",
}
for name, data in files.items():
    (HERE / name).write_bytes(data)
