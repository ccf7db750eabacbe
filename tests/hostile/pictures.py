"""Pictures that are cut, that lie, that explode, and pictures with names that want to be something else."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.hostile.case import Array, Case
from tests.series.files import encoded

DAMAGED = "is damaged or cut short"
NAMES = {
    "newlines": "line\nbreak{}.png",
    "emoji": "🧊{}🐟.png",
    "html": "<img src=x onerror=alert(1)>{}.png",
    "formula": '=HYPERLINK("http://evil")+{}.png',
    "dots": "../../../etc/{}.png",
    "absolute": "/etc/passwd{}.png",
    "windows": "C:\\Windows\\{}.png",
    "long": "x" * 5000 + "{}.png",
    "control": "a\x00\x1b[31m\u202e{}.png",
}


def frames(n_frames: int = 3, height: int = 9, width: int = 7) -> Array:
    return np.random.default_rng(1).integers(0, 256, (n_frames, height, width, 3), dtype=np.uint8)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(height: int, width: int, pixels: bytes, depth: int = 8, colour: int = 0, extra: bytes = b"") -> bytes:
    """A PNG that claims what it is told to claim."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), extra, chunk(b"IDAT", zlib.compress(pixels, 9)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def twice(name: str, words: str, content: bytes, suffix: str) -> Case:
    return Case(name, ((f"a1.{suffix}", content), (f"a2.{suffix}", content)), words)


def cases() -> Iterator[Case]:
    some = frames()
    good = [encoded(frame) for frame in some]
    jpeg, bmp, webp = (encoded(some[0], kind) for kind in ("JPEG", "BMP", "WebP"))
    yield twice("png cut short", DAMAGED, good[0][:-40], "png")
    yield twice("png cut in its header", DAMAGED, good[0][:20], "png")
    yield twice("jpeg cut short", DAMAGED, jpeg[: len(jpeg) // 2], "jpg")
    yield twice("bmp cut short", DAMAGED, bmp[:-50], "bmp")
    yield twice("webp cut short", DAMAGED, webp[: len(webp) // 2], "webp")
    yield twice("no bytes", "named like a picture and is empty", b"", "png")
    yield twice("text", "named like a picture and holds text", b"I am a picture", "jpg")
    yield Case.refused("one picture", "has 1 frame; at least 2", good[0], "a.png")
    yield Case.refused("picture named as a video", "has 1 frame; at least 2", good[0], "a.mp4")
    yield Case("png named jpg", tuple((f"{i}.jpg", content) for i, content in enumerate(good)), "", some)
    polyglots = tuple((f"{i}.png", content + b"PK\x05\x06" + bytes(18)) for i, content in enumerate(good))
    yield Case("png that is also a zip", polyglots, "", some)
    yield twice("gif that is also a zip", "cannot be read|is an animation", b"GIF89a" + b"PK\x03\x04" + bytes(100), "gif")
    yield twice("bomb of 1 bit", "at most 67,108,864 pixels", encoded(Image.new("1", (14_000, 14_000))), "png")
    yield twice("bomb beyond all sizes", "far too large|at most 67", png(2**31 - 1, 2**31 - 1, b""), "png")
    yield twice("no height", "at least one is needed|" + DAMAGED, png(0, 8, b""), "png")
    yield twice("header larger than its pixels", DAMAGED, png(600, 600, bytes(100)), "png")
    resized = good[0].replace(struct.pack(">II", 7, 9), struct.pack(">II", 9, 9))
    yield twice("size changed, checksum kept", DAMAGED, resized, "png")
    black = np.zeros((2, 8, 8, 1), np.uint8)
    too_much = png(8, 8, bytes(8 * 9) + bytes(2**26))
    yield Case("png with pixels that nobody asked for", (("a1.png", too_much), ("a2.png", too_much)), "", black)
    text = chunk(b"zTXt", b"note\0\0" + zlib.compress(bytes(2**26 + 2**20), 9))
    yield twice("png with a note that explodes", DAMAGED, png(8, 8, bytes(8 * 9), extra=text), "png")
    yield twice("bmp of negative size", "cannot be read|far too large|at most", bmp_claiming(-(2**31), 2**31 - 1), "bmp")
    yield Case.refused("gif of 65535 x 65535", "at most 67,108,864 pixels|far too large", gif_claiming(65535, 65535), "a.gif")
    outside = "Frame 2 of 'a.gif' reaches beyond the 8 x 8 pixels"
    yield Case.refused("gif with a frame far outside", outside, gif_outside(9000), "a.gif")
    yield Case.refused("gif of 300 frames of 8000 x 8000", "up to 16,777,216 pixels", gif_claiming(8000, 8000, 300), "a.gif")
    yield twice("jpeg of 3006 scans", "is a JPEG of 3006 scans, and 100 are read", jpeg_of_scans(3000), "jpg")
    yield Case.refused("gif of nothing", "at least one is needed|cannot be read", gif_claiming(0, 0), "a.gif")
    yield Case.refused("gif cut short", "cannot be read as an animation", animation(some, "GIF")[:-300], "a.gif")
    lying = animation(some, "PNG")
    place = lying.index(b"acTL") + 4
    counted = lying[: place - 4] + b"acTL" + struct.pack(">II", 9999, 0)
    counted += struct.pack(">I", zlib.crc32(counted[-12:])) + lying[place + 12 :]
    yield Case.refused("png of 9999 frames that holds 3", "cannot be read as an animation", counted, "a.png")
    odd = encoded(some[1, :8])
    mixed = (("1.png", good[0]), ("2.png", odd), ("3.png", good[2]))
    yield Case("two sizes", mixed, "'2.png' is 7 x 8; all must have one size")
    deep = encoded(some[1, :, :, 0].astype(np.uint16))
    yield Case("two types", (("1.png", encoded(some[0, :, :, 0])), ("2.png", deep)), "all must hold the same type")
    dots = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * 50
    yield Case("frames of one pixel", tuple((f"{i}.png", encoded(dot[..., 0])) for i, dot in enumerate(dots)), "", dots)
    strips = np.random.default_rng(0).integers(0, 256, (3, 3, 20_000, 1), dtype=np.uint8)
    yield Case("3 x 20000", tuple((f"{i}.png", encoded(one[..., 0])) for i, one in enumerate(strips)), "", strips)
    for what, pattern in NAMES.items():
        yield Case(f"names: {what}", tuple((pattern.format(i), content) for i, content in enumerate(good)), "", some)
        yield Case(f"names in a refusal: {what}", ((pattern.format(0), good[0]), (pattern.format(1), good[1][:30])), DAMAGED)


def animation(some: Array, kind: str) -> bytes:
    images = [Image.fromarray(frame) for frame in some]
    stream = io.BytesIO()
    images[0].save(stream, kind, save_all=True, append_images=images[1:])
    return stream.getvalue()


def gif_claiming(height: int, width: int, n_frames: int = 1) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    side = (width, height) if n_frames == 1 else (1, 1)
    return head + (b"," + struct.pack("<HHHHB", 0, 0, *side, 0) + b"\x02\x02\x4c\x01\x00") * n_frames + b";"


def gif_outside(place: int) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", 8, 8, 0x80, 0, 0) + bytes(6)
    places = (0, place, 0)
    return head + b"".join(b"," + struct.pack("<HHHHB", at, at, 1, 1, 0) + b"\x02\x02\x4c\x01\x00" for at in places) + b";"


def jpeg_of_scans(n_more: int) -> bytes:
    """A progressive JPEG whose last scan, some bytes for all of the picture, comes again and again."""
    whole = encoded(np.zeros((256, 256), np.uint8), "JPEG", progressive=True)
    start = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[start:-2] * n_more + b"\xff\xd9"


def bmp_claiming(height: int, width: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 100, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
