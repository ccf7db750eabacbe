"""TIFF stacks and videos: pages that go in circles, frames that change size, packets that are broken."""

import io
import struct
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import tifffile

from tests.hostile.case import Array, Case
from tests.hostile.pictures import frames, jpeg_of_scans
from tests.series.files import two_sizes, video


def tiff(pixels: Array, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def taller(content: bytes, height: int) -> bytes:
    """A TIFF whose page says that it has more rows than there are, strips of nine rows each."""
    said = bytearray(content)
    for tag, value in ((257, height), (278, 9)):
        place = content.index(struct.pack("<HHI", tag, 4, 1))
        said[place + 8 : place + 12] = struct.pack("<I", value)
    return bytes(said)


def tiff_of_jpegs(n_more: int) -> bytes:
    stream, page = io.BytesIO(), jpeg_of_scans(n_more)
    options: dict[str, Any] = {"compression": "jpeg", "photometric": "minisblack", "rowsperstrip": 256, "metadata": None}
    with tifffile.TiffWriter(stream) as writer:
        for _ in range(2):
            writer.write(iter([page]), shape=(256, 256), dtype=np.uint8, contiguous=False, **options)
    return stream.getvalue()


def cases() -> Iterator[Case]:
    yield from tiff_cases()
    yield from video_cases()


def tiff_cases() -> Iterator[Case]:
    some = frames(6)
    pages = tiff(some, photometric="rgb", metadata=None, compression="zlib")
    yield Case.refused("tiff that goes in circles", "list of pages breaks off|cannot be read", circular(pages), "a.tif")
    yield Case.refused("tiff with jpegs of 3006 scans", "a JPEG of 3006 scans, and 100 are read", tiff_of_jpegs(3000), "a.tif")
    vast = tiff_of_jpegs(0).replace(b"\xff\xc2\0\x0b\x08\x01\0\x01\0", b"\xff\xc2\0\x0b\x08\xff\xdc\xff\xdc")
    yield Case.refused("tiff with jpegs of 65500 x 65500", "cannot be read as a TIFF file", vast, "a.tif")
    yield Case.refused("tiff cut short", "is damaged|cannot be read", pages[: len(pages) // 2], "a.tif")
    yield Case.refused("tiff of a header only", "is damaged|cannot be read", pages[:8], "a.tif")
    yield Case.refused("tiff of noise", "is damaged|cannot be read", pages[:8] + bytes(range(256)), "a.tif")
    yield Case.refused("tiff of 100,000 x 100,000", "at most 67,108,864", tagged(some, {256: 100_000, 257: 100_000}), "a.tif")
    yield Case.refused("tiff larger than its pixels", "cannot be read", tagged(some, {257: 3000}), "a.tif")
    yield Case.refused("tiff of 1000 channels", "it is not plain which axis is time", tagged(some, {277: 1000}), "a.tif")
    yield Case.refused("tiff of an unknown compression", "cannot be read", tagged(some, {259: 65000}), "a.tif")
    yield Case.refused("tiff whose pixels lie beyond its end", "cannot be read", tagged(some, {273: 2**31}), "a.tif")
    yield Case.refused("tiff of one page", "has 1 frame", tiff(some[0], photometric="rgb"), "a.tif")
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for height in (9, 9, 8):
            writer.write(np.zeros((height, 7), np.uint8), contiguous=False, metadata=None)
    yield Case.refused("tiff of two sizes", "2 of 3 pages of 'a.tif' .* but page 3 is 7 x 8", stream.getvalue(), "a.tif")
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for kind in (np.uint8, np.uint8, np.uint16):
            writer.write(np.zeros((9, 7), kind), contiguous=False, metadata=None)
    yield Case.refused("tiff of two types", "images of different kinds", stream.getvalue(), "a.tif")
    told = tiff(some[..., 0], description=laughs(), metadata=None)
    yield Case.read("tiff with a description that explodes", some[..., :1], told, "a.ome.tif")
    yield from ome_cases(some[..., 0])
    imagej = tiff(some[..., 0], imagej=True, metadata={"axes": "TYX"}).replace(b"frames=6", b"frames=9")
    yield Case.read("imagej that counts more frames", some[..., :1], imagej, "a.tif")


def laughs() -> str:
    """A few bytes that would be a billion letters."""
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY l0 "ha">{entities}]><OME xmlns="x">&l9;</OME>'


def ome_cases(some: Array) -> Iterator[Case]:
    """Descriptions of a recording in several files, which name what they should not and count what is not there."""

    def page(index: int, planes: str, n_times: object = 2, size: str = "SizeX='7' SizeY='9'") -> bytes:
        said = f"DimensionOrder='XYZCT' Type='uint8' {size} SizeZ='1' SizeC='1' SizeT='{n_times}'"
        text = f"<OME xmlns='http://o'><Image Name='x'><Pixels {said}>{planes}</Pixels></Image></OME>"
        return tiff(some[index], description=text, metadata=None)

    def plane(time: int, name: str, more: str = "IFD='0'") -> str:
        return f"<TiffData FirstT='{time}' {more}><UUID FileName='{name}'>u{name}</UUID></TiffData>"

    both = plane(0, "a.ome.tif") + plane(1, "b.ome.tif")
    files = tuple((name, page(index, both)) for index, name in enumerate(("a.ome.tif", "b.ome.tif")))
    yield Case("ome set", files, "", some[:2, ..., None])
    for height, words in ((9_000_000, "cannot be read as a TIFF file"), (2**28, "at most 67,108,864 pixels")):
        yield Case(f"ome set with a page of {height} rows", (files[0], (files[1][0], taller(files[1][1], height))), words)
    lone = page(0, plane(0, "a.ome.tif") + plane(1, "/etc/passwd") + plane(0, "../../&lt;b&gt;.tif"))
    yield Case.refused("ome that names files of the server", "'passwd', '<b>.tif' are missing", lone, "a.ome.tif")
    beyond = page(0, plane(0, "a.ome.tif") + plane(1, "b.ome.tif", "IFD='1000000'"))
    yield Case("ome set beyond its pages", (("a.ome.tif", beyond), files[1]), "cannot be read")
    fewer = page(0, both, n_times=900)
    yield Case("ome set with planes missing", (("a.ome.tif", fewer), files[1]), "says where 2 of its 900 planes are")
    large = page(0, both, size="SizeX='1000000' SizeY='1000000'")
    yield Case("ome set of huge planes", (("a.ome.tif", large), files[1]), "at most 67,108,864")
    again = page(0, both + plane(0, "a.ome.tif", "") * 400, n_times=2**20)
    nonsense = (("a.ome.tif", again), ("b.ome.tif", page(1, "")))
    yield Case("ome set that tells its planes again and again", nonsense, "", some[:2, ..., None])
    endless = page(0, plane(0, "a.ome.tif", f"PlaneCount='{10**15}'"), n_times=10**15)
    yield Case.refused("ome of 10^15 times", ".", endless, "a.ome.tif")
    pointing = "<OME xmlns='http://o'><BinaryOnly MetadataFile='/etc/passwd' UUID='u'/></OME>"
    elsewhere = tiff(some[0], description=pointing, metadata=None)
    yield Case.refused("ome described in a file of the server", "'passwd' is missing", elsewhere, "a.ome.tif")
    circle = tiff(some[0], description=pointing.replace("/etc/passwd", "a.ome.tif"), metadata=None)
    plain = tiff(some[:2], metadata=None)

    def companion(planes: str) -> bytes:
        said = "DimensionOrder='XYZCT' Type='uint8' SizeX='7' SizeY='9' SizeZ='1' SizeC='1' SizeT='2'"
        return f"<OME xmlns='http://o'><Image Name='x'><Pixels {said}>{planes}</Pixels></Image></OME>".encode()

    told = plane(0, "a.tif") + plane(1, "a.tif", "IFD='1'") + "<Plane TheT='0' DeltaT='1e999'/><Plane TheT='1' DeltaT='nan'/>"
    yield Case("ome companion", (("a.tif", plain), ("a.companion.ome", companion(told))), "", some[:2, ..., None])
    led = companion(plane(0, "a.tif") + plane(1, "/etc/../etc/hosts"))
    for what, text, why in (
        ("that names files of the server", led, "'hosts' is missing"),
        ("that explodes", laughs().encode(), "cannot be read as a description"),
        ("of nothing", b"<OME/>", "describes no plane"),
    ):
        yield Case(f"ome companion {what}", (("a.tif", plain), ("a.companion.ome", text)), why)
    yield Case("ome described by itself", (("a.ome.tif", circle), ("b.ome.tif", circle)), "does not describe the images")


def circular(content: bytes) -> bytes:
    """The last directory points to the first."""
    edited = bytearray(content)
    (first,) = struct.unpack("<I", content[4:8])
    place = first
    while True:
        (n_tags,) = struct.unpack("<H", content[place : place + 2])
        end = place + 2 + 12 * n_tags
        (following,) = struct.unpack("<I", content[end : end + 4])
        if not following:
            edited[end : end + 4] = struct.pack("<I", first)
            return bytes(edited)
        place = following


def tagged(some: Array, values: dict[int, int]) -> bytes:
    """Two pages whose tags say something else than is true."""
    edited = bytearray(tiff(some[:2], photometric="rgb", metadata=None, rowsperstrip=9))
    place = struct.unpack("<I", edited[4:8])[0]
    while place:
        (n_tags,) = struct.unpack("<H", edited[place : place + 2])
        for tag in range(n_tags):
            at = place + 2 + 12 * tag
            (code,) = struct.unpack("<H", edited[at : at + 2])
            if code in values:
                edited[at + 2 : at + 12] = struct.pack("<HII", 4, 1, values[code])
        end = place + 2 + 12 * n_tags
        (place,) = struct.unpack("<I", edited[end : end + 4])
    return bytes(edited)


def video_cases() -> Iterator[Case]:
    some = np.random.default_rng(0).integers(0, 256, (8, 32, 48, 3), dtype=np.uint8)
    whole = video(some, "mp4", "mpeg4", "yuv420p")
    exact = video(some, "avi", "ffv1", "bgr0")
    yield Case.read("avi beside which others are measured", some, exact, "a.avi")
    yield Case.read("avi named png", some, exact, "a.png")
    yield Case.refused("mp4 cut short", "cannot be read as a video", whole[: len(whole) // 2], "a.mp4")
    yield Case.refused("mp4 of a header only", "cannot be read as a video", whole[:32], "a.mp4")
    yield Case.refused("avi of a header only", "cannot be read|no picture|has no frames", exact[:300], "a.avi")
    yield Case.refused("matroska of noise", "cannot be read as a video", b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 8, "a.mkv")
    edited = bytearray(whole)
    edited[len(whole) // 3 : len(whole) // 3 + 400] = bytes(400)
    yield Case.refused("mp4 with broken packets", "breaks off after|Frame 2 of 'a.mp4' is damaged", bytes(edited), "a.mp4")
    playlist = b"\0\0\0\x08ftyp#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
    yield Case.refused("mp4 that is also a list of files", "cannot be read as a video", playlist + bytes(200), "a.mp4")
    why = "frame 3 is 24 x 16, frame 4 is 24 x 16; all must have one size"
    yield Case.refused("video of changing size", why, two_sizes(), "a.avi")
    yield Case.refused("sound alone", "holds no picture, only sound", sound(), "a.mp4")
    large = exact.replace(struct.pack("<ii", 48, 32), struct.pack("<ii", 30000, 30000))
    yield Case.refused("avi of 30000 x 30000", "at most 67,108,864|cannot be read", large, "a.avi")


def sound() -> bytes:
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as output:
        track = output.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return stream.getvalue()
