"""TIFF stacks, animations and videos give the frames their writers were given."""

import io
import struct
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.ingest import Upload, Wanted, ingest, look
from framecast.series.store import SeriesStore
from tests.series.files import Array, encoded, two_sizes, video


def tiff(pixels: Array, **options: Any) -> Upload:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return Upload.from_bytes("stack.tif", stream.getvalue())


def read_back(store: SeriesStore, file: Upload) -> Array:
    return np.asarray(store.open(ingest(file, store).digest).frames)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", ">u2"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "lzw"},
        {"imagej": True, "metadata": {"axes": "TYX", "finterval": 0.5}},
        {"ome": True, "metadata": {"axes": "TYX"}},
        {"bigtiff": True},
    ],
)
def test_pages_are_frames(store: SeriesStore, dtype: str, options: dict[str, Any]) -> None:
    if options.get("imagej") and dtype == ">u2":
        options = {**options, "byteorder": ">"}
    pages = np.random.default_rng(0).integers(0, 256, (5, 9, 7)).astype(dtype) * np.ones((), dtype)
    pages[0, 0, 0] = 131
    if dtype == "float32":
        pages = pages + np.float32(0.25)
    found = read_back(store, tiff(pages, **options))
    assert found.dtype == pages.dtype.newbyteorder("=") and np.array_equal(found[..., 0], pages)
    if options.get("imagej"):
        assert store.list()[0].timestep == timedelta(seconds=0.5)


@pytest.mark.parametrize("options", [{"imagej": True, "metadata": {"axes": "TYX"}}, {"rowsperstrip": 7}, {"bigtiff": True}])
def test_pages_are_looked_up_while_others_are_unpacked(store: SeriesStore, tmp_path: Path, options: dict[str, Any]) -> None:
    pages = np.random.default_rng(0).integers(0, 65536, (60, 40, 50)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", pages, **options)
    assert np.array_equal(read_back(store, Upload.from_path(tmp_path / "stack.tif"))[..., 0], pages)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib", "metadata": None}])
def test_pages_of_several_sizes_are_named_and_brought_to_one(
    store: SeriesStore, frames: Array, options: dict[str, Any]
) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame[:8] if index in (1, 4) else frame, photometric="rgb", contiguous=False, **options)
    file = Upload.from_bytes("a.tif", stream.getvalue())
    with pytest.raises(ChoiceNeededError, match="4 of 6 pages of 'a.tif' .* page 2 is 7 x 8, page 5 is 7 x 8") as raised:
        ingest(file, store)
    assert raised.value.sizes == ("crop", "pad", "resize") and not look(file).parts
    assert np.array_equal(store.open(ingest(file, store, sizes="crop").digest).frames, frames[:, :8])
    stored = ingest(file, store, sizes="pad", wanted=Wanted(start=1, every=3))
    assert np.array_equal(store.open(stored.digest).frames[:, :8], frames[[1, 4], :8])
    assert stored.warnings == ("2 of 6 pages of 'a.tif' were given a black border to 7 x 9, as asked for.",)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_an_odd_page_in_the_middle_is_not_taken_for_the_others(store: SeriesStore, options: dict[str, Any]) -> None:
    """tifffile looks at the first, the second, the eighth and the last page to say that all are alike."""
    frames = np.random.default_rng(0).integers(0, 256, (12, 20, 30), dtype=np.uint8)

    def file(odd: Array, **packed: Any) -> Upload:
        stream = io.BytesIO()
        with tifffile.TiffWriter(stream, **options) as writer:
            for index, frame in enumerate(frames):
                how = packed if index == 4 else {}
                writer.write(odd if index == 4 else frame, photometric="minisblack", contiguous=False, metadata=None, **how)
        return Upload.from_bytes("a.tif", stream.getvalue())

    with pytest.raises(ChoiceNeededError, match="11 of 12 pages .* but page 5 is 30 x 15"):
        ingest(file(frames[4, :15]), store)
    cropped = store.open(ingest(file(frames[4, :15]), store, sizes="crop").digest).frames
    assert np.array_equal(cropped[4, :, :, 0], frames[4, :15])
    with pytest.raises(SeriesError, match="page 5 is 20 x 30 uint16, while 11 pages are 20 x 30 uint8"):
        ingest(file(frames[4].astype(np.uint16)), store)
    assert np.array_equal(read_back(store, file(frames[4], compression="zlib"))[..., 0], frames)


def test_pages_that_were_written_one_by_one_are_frames(store: SeriesStore, frames: Array) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for frame in frames:
            writer.write(frame, photometric="rgb")
    assert np.array_equal(read_back(store, Upload.from_bytes("stack.tif", stream.getvalue())), frames)
    with tifffile.TiffWriter(stream := io.BytesIO()) as writer:
        for frame in (*frames, frames[0].astype(np.uint16)):
            writer.write(frame, photometric="rgb")
    with pytest.raises(SeriesError, match="images of different kinds"):
        ingest(Upload.from_bytes("stack.tif", stream.getvalue()), store)


def test_channels_first_within_a_frame_become_last(store: SeriesStore) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (5, 2, 9, 7), dtype=np.uint8)
    for options in ({"imagej": True, "metadata": {"axes": "TCYX"}}, {"ome": True, "metadata": {"axes": "TCYX"}}):
        assert np.array_equal(read_back(store, tiff(pages, **options)), np.moveaxis(pages, 1, -1))
    planes = np.moveaxis(pages, 1, 0)
    found = read_back(store, tiff(planes, ome=True, metadata={"axes": "CTYX"}))
    assert np.array_equal(found, np.moveaxis(pages, 1, -1))


def test_a_colour_stack_and_a_truncated_one(store: SeriesStore, frames: Array) -> None:
    assert np.array_equal(read_back(store, tiff(frames, photometric="rgb")), frames)
    one_directory = tiff(frames[..., 0], metadata={"axes": "TYX"}, truncate=True)
    assert np.array_equal(read_back(store, one_directory)[..., 0], frames[..., 0])


def test_white_is_zero_is_turned_round(store: SeriesStore, frames: Array) -> None:
    assert np.array_equal(read_back(store, tiff(frames[..., 0], photometric="miniswhite"))[..., 0], 255 - frames[..., 0])


def test_what_pillow_writes_as_pages(store: SeriesStore, frames: Array) -> None:
    stream = io.BytesIO()
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(stream, "TIFF", save_all=True, append_images=images[1:])
    assert np.array_equal(read_back(store, Upload.from_bytes("a.tif", stream.getvalue())), frames)


@pytest.mark.parametrize("axes", ["ZYX", "CYX"])
def test_depth_or_channels_without_time_are_asked(store: SeriesStore, axes: str) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (4, 9, 7), dtype=np.uint8)
    file = tiff(pages, imagej=True, metadata={"axes": axes})
    with pytest.raises(ChoiceNeededError, match=rf"called {axes[0]} .* which axis is time. .* THW \(4 frames of 7 x 9\)"):
        ingest(file, store)
    assert np.array_equal(store.open(ingest(file, store, axes="THW").digest).frames[..., 0], pages)


@pytest.mark.parametrize("options", [{"imagej": True}, {"ome": True}, {"ome": True, "compression": "lzw"}])
def test_depth_beside_time_is_asked_and_cut_where_it_is_said(store: SeriesStore, options: dict[str, Any]) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (4, 5, 9, 7), dtype=np.uint8)
    file = tiff(pages, metadata={"axes": "TZYX"}, **options)
    with pytest.raises(ChoiceNeededError) as raised:
        ingest(file, store)
    (part,) = raised.value.contents.parts  # type: ignore[attr-defined]
    assert [str(layout) for layout in part.options] == ["T,1,H,W", "1,T,H,W"]
    found = store.open(ingest(file, store, axes="T,3,H,W").digest).frames
    assert np.array_equal(found[..., 0], pages[:, 2])
    found = store.open(ingest(file, store, axes="2,T,H,W").digest).frames
    assert np.array_equal(found[..., 0], pages[1])
    with pytest.raises(SeriesError, match="Slice 6 of 'stack.tif' was asked for and there are 5"):
        ingest(file, store, axes="T,6,H,W")


def test_interval_and_units_come_from_the_file(store: SeriesStore, frames: Array) -> None:
    pages = frames[..., 0]
    imagej = {"axes": "TYX", "finterval": 2.0, "tunit": "min", "vunit": "mm/h"}
    ome = {"axes": "TYX", "TimeIncrement": 250.0, "TimeIncrementUnit": "ms"}
    files = {
        timedelta(minutes=2): tiff(pages, imagej=True, metadata=imagej),
        timedelta(milliseconds=250): tiff(pages + 1, ome=True, metadata=ome),
    }
    for step, file in files.items():
        assert ingest(file, store).timestep == step
    assert store.list()[1].units == "mm/h"


@pytest.mark.parametrize("compression", [None, "lzw", "deflate", "zstd", "packbits"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
def test_compressed_and_tiled_pages(store: SeriesStore, compression: str | None, tile: tuple[int, int] | None) -> None:
    pages = np.random.default_rng(0).integers(0, 65536, (4, 40, 33, 3), dtype=np.uint16)
    file = tiff(pages, photometric="rgb", compression=compression, tile=tile, bigtiff=True)
    assert np.array_equal(read_back(store, file), pages)


def test_a_stack_of_one_directory_for_all_its_pages(store: SeriesStore) -> None:
    """As ImageJ writes what is larger than 4 GB; depth beside time is cut there, too."""
    pages = np.random.default_rng(0).integers(0, 65536, (4, 3, 9, 7), dtype=np.uint16)
    file = tiff(pages, photometric="minisblack", metadata={"axes": "TZYX"}, truncate=True, byteorder=">")
    assert np.array_equal(store.open(ingest(file, store, axes="T,3,H,W").digest).frames[..., 0], pages[:, 2])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_stack_that_lies_on_its_side_is_turned_up(store: SeriesStore, frames: Array, orientation: int) -> None:
    file = tiff(frames, photometric="rgb", metadata=None, extratags=[(274, "H", 1, orientation, False)])
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = [ImageOps.exif_transpose(Image.open(io.BytesIO(encoded(frame, exif=exif)))) for frame in frames]
    assert np.array_equal(read_back(store, file), np.stack([np.asarray(image) for image in upright]))


@pytest.mark.parametrize(
    ("dtype", "nothing", "written"),
    [("float32", -9999.0, "-9999"), ("float32", np.finfo("f4").min, "-3.40282e+38"), ("int16", -32768, "-32768 "),
     ("float64", np.finfo("f8").min, str(np.finfo("f8").min))],
)  # fmt: skip
@pytest.mark.parametrize("n_files", [1, 5])
def test_what_a_geotiff_calls_nothing_is_missing(
    store: SeriesStore, dtype: str, nothing: float, written: str, n_files: int
) -> None:
    """Left as values, it would stretch the range by as much and be forecast."""
    values = np.random.default_rng(0).integers(-300, 300, (5, 12, 10)).astype(dtype)
    values[:, :3] = nothing
    options = {"photometric": "minisblack", "extratags": [(42113, 2, 0, written, False)]}
    files = [tiff(part, **options) for part in np.split(values, n_files)]
    named = [Upload.from_bytes(f"{index}.tif", file.read()) for index, file in enumerate(files)]
    stored = ingest(named, store)
    series = store.open(stored.digest)
    assert series.valid is not None and (~series.valid[:3]).all() and series.valid[3:].all()
    assert np.array_equal(series.frames[:, 3:, :, 0], values[:, 3:])
    assert stored.value_range == (values[:, 3:].min(), values[:, 3:].max())
    assert any("nothing was measured" in one for one in stored.warnings)


def test_a_value_for_nothing_leaves_whole_numbers_without_sign_whole(store: SeriesStore) -> None:
    values = np.random.default_rng(0).integers(0, 256, (5, 12, 10)).astype(np.uint8)
    found = read_back(store, tiff(values, photometric="minisblack", extratags=[(42113, 2, 0, "0", False)]))
    assert found.dtype == np.uint8 and np.array_equal(found[..., 0], values)


def test_inks_and_transparency_are_said(store: SeriesStore) -> None:
    inks = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 4), dtype=np.uint8)
    stored = ingest(tiff(inks, photometric="separated"), store)
    with Image.fromarray(inks[0], "CMYK") as image:
        colours = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(store.open(stored.digest).frames[0].astype(int) - colours).max() <= 1
    assert stored.warnings == ("CMYK inks were turned into red, green and blue without a colour profile.",)
    inks[:, 0, 0, 3], inks[..., 3][inks[..., 3] > 0] = 0, 255
    stored = ingest(tiff(inks, photometric="rgb", extrasamples=["unassalpha"]), store)
    assert store.open(stored.digest).frames[0, 0, 0].tolist() == [255, 255, 255]
    assert stored.warnings == ("Transparent pixels were laid over white.",)


def test_pages_of_two_kinds_are_refused(store: SeriesStore) -> None:
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for height in (9, 9, 8, 9):
            writer.write(np.zeros((height, 7), np.uint8 if height == 9 else np.uint16), contiguous=False, metadata=None)
    with pytest.raises(SeriesError, match=r"page 3 is 8 x 7 uint16, while \d pages are 9 x 7"):
        ingest(Upload.from_bytes("a.tif", stream.getvalue()), store)


def test_gif_webp_and_png_animations(store: SeriesStore) -> None:
    levels = np.random.default_rng(0).integers(0, 4, (5, 9, 7, 3), dtype=np.uint8) * 85  # 64 colours fit a GIF's palette
    images = [Image.fromarray(frame) for frame in levels]
    for kind, options in (("GIF", {}), ("WebP", {"lossless": True}), ("PNG", {})):
        stream = io.BytesIO()
        images[0].save(stream, kind, save_all=True, append_images=images[1:], duration=80, **options)
        stored = ingest(Upload.from_bytes(f"a.{kind}", stream.getvalue()), store, name=kind)
        assert np.array_equal(store.open(stored.digest).frames, levels), kind


@pytest.mark.parametrize("kind", ["GIF", "WebP", "PNG"])
def test_the_time_that_frames_are_shown_is_the_time_step(store: SeriesStore, kind: str) -> None:
    images = [Image.fromarray(np.full((5, 6, 3), 40 * index, np.uint8)) for index in range(4)]
    stream, uneven = io.BytesIO(), io.BytesIO()
    images[0].save(stream, kind, save_all=True, append_images=images[1:], duration=[80, 80, 80, 2000])
    images[0].save(uneven, kind, save_all=True, append_images=images[1:], duration=[80, 200, 80, 80])
    assert ingest(Upload.from_bytes("a", stream.getvalue()), store).timestep == timedelta(milliseconds=80)
    store = SeriesStore(store.folder.parent / "other")
    stored = ingest(Upload.from_bytes("b", uneven.getvalue()), store)
    assert stored.timestep is None and "shown for different times" in stored.warnings[0]


@pytest.mark.parametrize("disposal", [1, 2, 3])
def test_frames_that_replace_a_part_of_the_picture_are_composed(store: SeriesStore, disposal: int) -> None:
    """A GIF whose second frame is a small patch; what becomes of it before the third is up to its disposal."""
    canvas = np.zeros((8, 10), np.uint8)
    first, patch = Image.fromarray(canvas), Image.fromarray(np.full((3, 4), 1, np.uint8))
    last = Image.fromarray(np.full((1, 1), 2, np.uint8))
    content = gif_of_patches([(first, 0, 0), (patch, 2, 3), (last, 9, 7)], disposal)
    colours = np.array([[10, 20, 30], [200, 100, 50], [0, 255, 0]], np.uint8)
    expected = np.broadcast_to(colours[0], (3, 8, 10, 3)).copy()
    expected[1, 3:6, 2:6] = colours[1]
    expected[2] = expected[0] if disposal == 3 else expected[1]
    if disposal == 2:
        expected[2, 3:6, 2:6] = colours[2]  # cleared to the background colour
    expected[2, 7, 9] = colours[2]
    assert np.array_equal(read_back(store, Upload.from_bytes("a.gif", content)), expected)


def gif_of_patches(patches: list[tuple[Image.Image, int, int]], disposal: int) -> bytes:
    """A GIF of three colours, frame by frame as given, each at its place; by hand, since Pillow chooses places itself."""
    palette = bytes([10, 20, 30, 200, 100, 50, 0, 255, 0, 0, 0, 0])
    width, height = patches[0][0].size
    content = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xF1, 2, 0) + palette
    for number, (image, left, top) in enumerate(patches):
        how = disposal if number == 1 else 1
        content += b"\x21\xf9\x04" + struct.pack("<BHB", how << 2, 8, 0) + b"\0"
        content += b"," + struct.pack("<HHHHB", left, top, *image.size, 0) + b"\x02"
        bits = []
        for value in image.tobytes():
            bits += [4, value]  # a clear code before each pixel keeps every code three bits long
        bits.append(5)
        codes = "".join(format(code, "03b")[::-1] for code in bits)
        packed = bytes(int(codes[i : i + 8].ljust(8, "0")[::-1], 2) for i in range(0, len(codes), 8))
        for start in range(0, len(packed), 255):
            content += bytes([len(packed[start : start + 255])]) + packed[start : start + 255]
        content += b"\0"
    return content + b";"


def test_gif_timing(store: SeriesStore) -> None:
    images = [Image.fromarray(np.full((6, 6), 40 * i, np.uint8)) for i in range(5)]
    for name, durations, step in (("even", 80, timedelta(milliseconds=80)), ("uneven", [80, 80, 240, 80, 80], None)):
        stream = io.BytesIO()
        images[0].save(stream, "GIF", save_all=True, append_images=images[1:], duration=durations)
        stored = ingest(Upload.from_bytes(f"{name}.gif", stream.getvalue()), SeriesStore(store.folder / name))
        assert stored.timestep == step and bool(stored.warnings) == (name == "uneven")


@pytest.mark.parametrize("own_colours", [True, False])
def test_a_gif_is_shown_for_as_long_as_pillow_says(store: SeriesStore, own_colours: bool) -> None:
    """Told from the blocks between the frames: comments, tables of colours, frames of which nothing is said."""
    rng = np.random.default_rng(3)
    images = [Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8)) for _ in range(5)]
    images = [image if own_colours else image.convert("L") for image in images]
    stream = io.BytesIO()
    durations = [10, 2550, 70, 30, 90]
    images[0].save(stream, "GIF", save_all=True, append_images=images[1:], duration=durations, comment=b"x" * 700, loop=0)
    stored = ingest(Upload.from_bytes("a.gif", stream.getvalue()), store)
    assert store.times(stored.digest) == pytest.approx([0.0, 0.01, 2.56, 2.63, 2.66])


@pytest.mark.parametrize(
    ("container", "codec", "pixel_format"), [("avi", "ffv1", "bgr0"), ("matroska", "ffv1", "bgr0"), ("mov", "png", "rgb24")]
)
def test_lossless_video_is_exact(store: SeriesStore, container: str, codec: str, pixel_format: str) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 33, 17, 3), dtype=np.uint8)  # odd: no codec may crop or pad it
    stored = ingest(Upload.from_bytes("v", video(frames, container, codec, pixel_format)), store)
    assert np.array_equal(store.open(stored.digest).frames, frames)
    assert stored.timestep == timedelta(seconds=1 / 25) and stored.warnings == ()


def test_grey_video_has_one_channel(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 32, 16), dtype=np.uint8)
    found = read_back(store, Upload.from_bytes("v.avi", video(frames, "avi", "ffv1", "gray")))
    assert np.array_equal(found[..., 0], frames)


@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("webm", "libvpx-vp9")])
def test_lossy_video_is_what_the_decoder_gives(store: SeriesStore, container: str, codec: str) -> None:
    levels = (np.arange(8)[:, None, None, None] * 25 + np.zeros((1, 32, 48, 3))).astype(np.uint8)
    content = video(levels, container, codec, "yuv420p")
    with av.open(io.BytesIO(content)) as source:
        decoded = np.stack([frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)])
    assert np.array_equal(read_back(store, Upload.from_bytes(f"v.{container}", content)), decoded)
    assert len(decoded) == 8 and np.abs(decoded.astype(int) - levels).max() < 12


def test_a_video_held_upright_is_turned_as_a_player_turns_it(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 32, 3), dtype=np.uint8)
    content = bytearray(video(frames, "mov", "png", "rgb24"))
    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    place = content.index(matrix, content.index(b"tkhd"))
    content[place : place + 36] = struct.pack(">9i", 0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)  # right goes down
    found = read_back(store, Upload.from_bytes("v.mov", bytes(content)))
    assert np.array_equal(found, np.rot90(frames, -1, axes=(1, 2)))


@pytest.mark.parametrize(("way", "size"), [("crop", (16, 24)), ("pad", (32, 48)), ("resize", (32, 48))])
def test_a_video_whose_size_changes_is_brought_to_one_as_asked(store: SeriesStore, way: str, size: tuple[int, int]) -> None:
    """Its levels are 0, 60, 120 and 180; the last two frames are half as large."""
    file = Upload.from_bytes("v.avi", two_sizes())
    with pytest.raises(ChoiceNeededError, match="2 of 4 frames of 'v.avi' are 48 x 32 .* but frame 3 is 24 x 16") as caught:
        ingest(file, store)
    assert way in caught.value.sizes and not store.list()
    stored = ingest(file, store, sizes=way)
    frames = store.open(stored.digest).frames
    assert frames.shape[:3] == (4, *size) and "2 of 4 frames" in stored.warnings[0]
    for index, frame in enumerate(frames):
        assert np.abs(frame[frame.shape[0] // 2 - 4 :][:8, 12:20].astype(int) - 60 * index).max() < 8
        assert way != "pad" or index < 2 or not frame[:8].any()
    late = ingest(file, store, wanted=Wanted(start=2))
    assert store.open(late.digest).frames.shape[:3] == (2, 16, 24)


def test_what_of_a_video_is_left_out_is_said(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 32, 3), dtype=np.uint8)
    opacity = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.full((1, 16, 32, 1), 60, np.uint8)
    stream = io.BytesIO()
    with av.open(stream, "w", format="mov") as output:
        tracks = [output.add_stream("png", rate=10) for _ in range(2)]
        for track in tracks:
            track.width, track.height, track.pix_fmt = 32, 16, "rgba"
        for pixels in np.concatenate([frames, opacity], axis=3):
            for track in tracks:
                output.mux(track.encode(av.VideoFrame.from_ndarray(pixels, format="rgba")))
        for track in tracks:
            output.mux(track.encode(None))
    stored = ingest(Upload.from_bytes("v.mov", stream.getvalue()), store)
    assert np.array_equal(store.open(stored.digest).frames, frames)
    assert "holds 2 videos; the first, 32 x 16, was read" in stored.warnings[0] and "opaque" in stored.warnings[1]


def test_limited_range_becomes_full_range(store: SeriesStore) -> None:
    """Luma 16 is black and 235 white; what lies between is stretched, as a player does."""
    levels = np.linspace(16, 235, 8).round().astype(np.uint8)
    luma = np.broadcast_to(levels[:, None, None], (8, 32, 48))
    stream = io.BytesIO()
    with av.open(stream, "w", format="avi") as output:
        track = output.add_stream("ffv1", rate=25)
        track.height, track.width, track.pix_fmt = 32, 48, "yuv420p"
        for frame in luma:
            planes = np.concatenate([frame, np.full((16, 48), 128, np.uint8)])
            output.mux(track.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        output.mux(track.encode(None))
    found = read_back(store, Upload.from_bytes("v.avi", stream.getvalue()))
    expected = (luma.astype(float) - 16) * 255 / 219
    assert np.abs(found.astype(float) - expected[..., None]).max() <= 2 and found.min() == 0 and found.max() >= 253


def test_more_than_8_bits_stay_more_than_8(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 65536, (4, 32, 16, 3), dtype=np.uint16)
    stream = io.BytesIO()
    with av.open(stream, "w", format="mov") as output:
        track = output.add_stream("png", rate=25)
        track.height, track.width, track.pix_fmt = 32, 16, "rgb48be"
        for frame in frames:
            output.mux(track.encode(av.VideoFrame.from_ndarray(frame, format="rgb48le").reformat(format="rgb48be")))
        output.mux(track.encode(None))
    found = read_back(store, Upload.from_bytes("v.mov", stream.getvalue()))
    assert found.dtype == np.uint16 and np.array_equal(found, frames)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_frames_shown_for_different_times_are_said(store: SeriesStore, container: str) -> None:
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        track = output.add_stream("mpeg4", rate=25)
        track.height, track.width, track.pix_fmt = 32, 32, "yuv420p"
        for index, time in enumerate((0, 1, 2, 7, 8, 9)):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 30 * index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    stored = ingest(Upload.from_bytes("v", stream.getvalue()), store)
    assert stored.n_frames == 6 and "not evenly spaced in time" in stored.warnings[-1]


@pytest.mark.parametrize("wanted", [Wanted(0, None, 3), Wanted(2, 7, 2), Wanted(5)])
def test_a_part_of_a_video(store: SeriesStore, wanted: Wanted) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (10, 16, 16, 3), dtype=np.uint8)
    stored = ingest(Upload.from_bytes("v.avi", video(frames, "avi", "ffv1", "bgr0")), store, wanted=wanted)
    assert np.array_equal(store.open(stored.digest).frames, frames[wanted.start : wanted.stop : wanted.every])
    assert stored.timestep == wanted.every * timedelta(seconds=1 / 25) and stored.warnings == ()


def test_a_video_that_breaks_off_is_refused(store: SeriesStore) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (8, 32, 16, 3), dtype=np.uint8)
    content = video(frames, "mp4", "mpeg4", "yuv420p")
    with pytest.raises(SeriesError, match="'v.mp4' cannot be read as a video"):
        ingest(Upload.from_bytes("v.mp4", content[: len(content) // 2]), store)  # the index at the end is gone
    assert store.list() == []


def test_what_is_cut_short_is_refused_or_said(store: SeriesStore, frames: Array, capfd: pytest.CaptureFixture[str]) -> None:
    pages = tiff(frames, photometric="rgb", compression="lzw", metadata=None).read()
    for cut in (len(pages) // 2, len(pages) - 200):
        with pytest.raises(SeriesError, match="'a.tif' (is damaged|cannot be read)"):
            ingest(Upload.from_bytes("a.tif", pages[:cut]), store)
    stream = io.BytesIO()
    images = [Image.fromarray(frame) for frame in frames]
    images[0].save(stream, "GIF", save_all=True, append_images=images[1:])
    with pytest.raises(SeriesError, match="'a.gif' cannot be read"):
        ingest(Upload.from_bytes("a.gif", stream.getvalue()[:-300]), store)
    assert "missing at its end" in ingest(Upload.from_bytes("a.gif", stream.getvalue()[:-1]), store).warnings[-1]
    moving = video(np.random.default_rng(0).integers(0, 256, (8, 32, 16, 3), dtype=np.uint8), "avi", "ffv1", "bgr0")
    stored = ingest(Upload.from_bytes("a.avi", moving[: len(moving) * 3 // 4]), store)
    assert stored.n_frames < 8 and f"8 frames and {stored.n_frames} were found" in stored.warnings[-1]
    webm = video(np.random.default_rng(0).integers(0, 256, (30, 32, 16, 3), dtype=np.uint8), "webm", "libvpx-vp9", "yuv420p")
    stored = ingest(Upload.from_bytes("a.webm", webm[: len(webm) // 2]), store)
    assert stored.n_frames < 20 and "says it lasts 1.2 s and ends after" in stored.warnings[-1]
    assert capfd.readouterr() == ("", "")


def test_times_of_videos_and_animations_are_kept(store: SeriesStore, tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (6, 16, 24, 3), dtype=np.uint8)
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        track = output.add_stream("ffv1", rate=10)
        track.width, track.height, track.pix_fmt = 24, 16, "bgr0"
        track.codec_context.time_base = Fraction(1, 1000)
        for index, pixels in zip((0, 1, 2, 5, 6, 7), frames, strict=True):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = 100 * index, Fraction(1, 1000)
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    stored = ingest(tmp_path / "a.mkv", store, wanted=Wanted(start=1))
    assert np.allclose(np.diff(store.times(stored.digest)), [0.1, 0.3, 0.1, 0.1])
    for kind in ("GIF", "WEBP", "PNG"):
        images = [Image.fromarray(frame) for frame in frames]
        content = io.BytesIO()
        images[0].save(content, kind, save_all=True, append_images=images[1:], duration=[100, 100, 300, 100, 100, 900])
        stored = ingest(Upload.from_bytes(f"a.{kind.lower()}", content.getvalue()), store)
        assert np.allclose(np.diff(store.times(stored.digest)), [0.1, 0.1, 0.3, 0.1, 0.1]), kind
