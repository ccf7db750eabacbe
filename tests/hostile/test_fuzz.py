"""Files damaged in ways nobody thought of: whatever comes out of a reader is frames, or a FrameCastError.

Hypothesis cuts, overwrites, repeats and shuffles pieces of one good file of each format. The same examples every time, so that
a red run can be repeated.
"""

import io
import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from framecast.errors import FrameCastError
from framecast.series.readers.contract import READERS, Upload, Wish
from tests.hostile import arrays, containers, pictures, stacks
from tests.hostile.archives import zipped
from tests.series.files import encoded
from tests.series.test_animated_png import deep
from tests.series.test_dicom import items, palette
from tests.series.test_extras import package

MOST_FRAMES = 40
N_EXAMPLES = 60


def cell_array() -> bytes:
    def fill(content: h5py.File) -> None:
        references = np.empty((1, 3), h5py.ref_dtype)
        for i, frame in enumerate(pictures.frames()):
            cell = content.create_dataset(f"#refs#/{i}", data=frame.T, chunks=True, compression="gzip")
            cell.attrs["MATLAB_class"] = np.bytes_("uint8")
            references[0, i] = cell.ref
        content.create_dataset("X", data=references, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")

    return containers.h5(fill, matlab=True)


def mat_cells() -> bytes:
    cells = np.empty((3, 1), object)
    for i, frame in enumerate(pictures.frames()):
        cells[i, 0] = frame
    return arrays.mat(x=cells)


def netcdf() -> bytes:
    package("netCDF4")
    package("xarray")
    return containers.netcdf("NETCDF3_CLASSIC")


def dicom_of_colours() -> bytes:
    package("pydicom")
    return containers.dicom(pictures.frames()[..., 0], **palette(256, "uint16")[0], FrameTimeVector=[0, 40, 50])


def dicom_of_slopes() -> bytes:
    package("pydicom")
    own = items("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=-1)
    for _ in range(2):
        own.extend(items("PixelValueTransformationSequence", RescaleSlope=3, RescaleIntercept=-2))
    return containers.dicom(pictures.frames()[..., 0], PerFrameFunctionalGroupsSequence=own)


def mat_movie() -> bytes:
    """An array of structs, a frame in each, beside a struct in a struct; not compressed, so that damage meets its inside."""
    movie = np.zeros((1, 3), [("cdata", object), ("title", object)])
    for index, frame in enumerate(pictures.frames()):
        movie[0, index] = (frame, "x")
    stream = io.BytesIO()
    savemat(stream, {"s": {"rate": 2.0, "inner": {"t": np.arange(6.0)}}, "mov": movie})
    return stream.getvalue()


def mat_4() -> bytes:
    stream = io.BytesIO()
    savemat(stream, {"note": "x", **{f"x{i}": frame[..., 0] for i, frame in enumerate(pictures.frames())}}, format="4")
    return stream.getvalue()


def ome_set() -> bytes:
    """Either of two files, a1 and a2, that hold a frame each of one recording."""
    planes = "".join(f"<TiffData FirstT='{t}' IFD='0'><UUID FileName='a{t + 1}'>u{t}</UUID></TiffData>" for t in range(2))
    said = "DimensionOrder='XYZCT' Type='uint8' SizeX='7' SizeY='9' SizeZ='1' SizeC='1' SizeT='2'"
    text = f"<OME xmlns='http://o'><Image Name='x'><Pixels {said}>{planes}</Pixels></Image></OME>"
    return stacks.tiff(pictures.frames()[0, ..., 0], description=text, metadata=None)


def video_of(container: str, codec: str, pixel_format: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (4, 32, 48, 3), dtype=np.uint8)
    return stacks.video(noise, container, codec, pixel_format)


SEEDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "png": ("pictures", lambda: encoded(pictures.frames()[0])),
    "deep png": ("pictures", lambda: encoded(pictures.frames()[0, :, :, 0].astype(np.uint16) * 257)),
    "jpeg": ("pictures", lambda: encoded(pictures.frames()[0], "JPEG")),
    "bmp": ("pictures", lambda: encoded(pictures.frames()[0], "BMP")),
    "webp": ("pictures", lambda: encoded(pictures.frames()[0], "WebP")),
    "still tiff": ("pictures", lambda: stacks.tiff(pictures.frames()[0], photometric="rgb", compression="lzw")),
    "gif": ("animation", lambda: pictures.animation(pictures.frames(), "GIF")),
    "apng": ("animation", lambda: pictures.animation(pictures.frames(), "PNG")),
    "deep apng": ("animation", lambda: deep(pictures.frames().astype(np.uint16))),
    "zip": ("zip", lambda: zipped(*((f"{i}.png", encoded(frame)) for i, frame in enumerate(pictures.frames())))),
    "tiff": ("tiff", lambda: stacks.tiff(pictures.frames(), photometric="rgb", compression="zlib", metadata=None)),
    "imagej": ("tiff", lambda: stacks.tiff(pictures.frames()[..., 0], imagej=True, metadata={"axes": "TYX"})),
    "ome": ("tiff", lambda: stacks.tiff(pictures.frames()[..., 0], ome=True, metadata={"axes": "TYX"})),
    "ome set": ("pictures", ome_set),
    "avi": ("video", lambda: video_of("avi", "ffv1", "bgr0")),
    "mp4": ("video", lambda: video_of("mp4", "mpeg4", "yuv420p")),
    "webm": ("video", lambda: video_of("webm", "libvpx-vp9", "yuv420p")),
    "npy": ("npy", lambda: arrays.npy(pictures.frames())),
    "npz": ("npz", lambda: arrays.npz(a=arrays.npy(pictures.frames()), b=arrays.npy(np.asfortranarray(pictures.frames())))),
    "mat": ("mat", lambda: arrays.mat(x=np.moveaxis(pictures.frames(), 0, -1))),
    "mat 4": ("mat4", mat_4),
    "mat of cells": ("mat", mat_cells),
    "mat of structs": ("mat", mat_movie),
    "mat 7.3": ("mat73", cell_array),
    "h5": ("hdf5", lambda: containers.h5(lambda file: file.create_dataset("x", data=pictures.frames(), compression="lzf"))),
    "netcdf": ("netcdf", netcdf),
    "dicom": ("dicom", lambda: containers.dicom(pictures.frames()[..., 0])),
    "dicom of colours": ("dicom", dicom_of_colours),
    "dicom of many slopes": ("dicom", dicom_of_slopes),
    "deflated dicom": ("dicom", lambda: containers.deflated(containers.dicom(pictures.frames()[..., 0]), 2**10)),
    "tiff of jpegs": ("tiff", lambda: stacks.tiff_of_jpegs(2)),
}

seed = cache(lambda name: SEEDS[name][1]())

damage = st.lists(
    st.tuples(
        st.sampled_from(["overwrite", "insert", "cut", "repeat", "swap", "end"]),
        st.floats(0, 1, exclude_max=True),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from([b"\0" * 4, b"\xff" * 4, b"\xff" * 8, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80"]),
        ),
    ),
    min_size=1,
    max_size=6,
)


def damaged(content: bytes, how: list[tuple[str, float, bytes]]) -> bytes:
    edited = bytearray(content)
    for what, where, value in how:
        place, length = int(where * len(edited)), 4 * len(value)
        if what == "overwrite":
            edited[place : place + len(value)] = value
        elif what == "insert":
            edited[place:place] = value
        elif what == "cut":
            del edited[place : place + length]
        elif what == "repeat":
            edited[place:place] = edited[place : place + length]
        elif what == "swap":
            edited[place : place + 2 * length] = edited[place + length : place + 2 * length] + edited[place : place + length]
        else:
            del edited[place:]
    return bytes(edited)


@pytest.mark.parametrize("name", SEEDS)
@settings(
    max_examples=N_EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(how=damage)
def test_only_frames_or_a_refusal_come_out(name: str, how: list[tuple[str, float, bytes]]) -> None:
    reader = READERS[SEEDS[name][0]]
    good = seed(name)
    names = ("a1", "a2") if reader.many and SEEDS[name][0] == "pictures" else ("a",)
    files = [Upload.from_bytes(one, damaged(good, how) if one == names[-1] else good) for one in names]
    try:
        if reader.look is not None:
            reader.look(files)
        reading = reader.read(files, Wish())
        try:
            frames = reading.frames()
            for frame in itertools.islice(frames, MOST_FRAMES):
                assert frame.ndim == 3
            frames.close()
        finally:
            reading.close()
    except FrameCastError as error:
        assert str(error).isprintable() and str(error).endswith((".", "?"))


def test_good_files_are_read() -> None:
    """Else damage would prove nothing."""
    for name, (kind, _) in SEEDS.items():
        content = seed(name)
        files = [Upload.from_bytes("a1", content), Upload.from_bytes("a2", content)][: 2 if kind == "pictures" else 1]
        wish = Wish(variable="a") if kind == "npz" else Wish()
        reading: Any = READERS[kind].read(files, wish)
        assert len(list(reading.frames())) >= 2, name
        reading.close()
    assert {kind for kind, _ in SEEDS.values()} == set(READERS)
