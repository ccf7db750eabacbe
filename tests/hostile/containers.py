"""HDF5 and what is built on it, NetCDF and DICOM: links that lead out, sizes that lie, and files that stop."""

import io
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile.case import Case
from tests.hostile.pictures import frames
from tests.series.test_extras import dicom

MATLAB = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + struct.pack("<H2s", 0x0200, b"IM")


def h5(fill: Any, matlab: bool = False) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w", userblock_size=512 if matlab else 0) as content:
        fill(content)
    return MATLAB + stream.getvalue()[len(MATLAB) :] if matlab else stream.getvalue()


def cases() -> Iterator[Case]:
    some = frames(6)
    whole = h5(lambda content: content.create_dataset("x", data=some, chunks=(1, 9, 7, 3), compression="gzip"))
    yield Case.refused("h5 cut short", "cannot be read as an HDF5 file", whole[: len(whole) // 2], "a.h5")
    yield Case.refused("h5 of a header only", "cannot be read as an HDF5 file", whole[:8], "a.h5")
    broken = whole.replace(b"\x78\x5e", b"\x00\x00").replace(b"\x78\x9c", b"\x00\x00")
    yield Case.refused("h5 with broken chunks", "cannot be read as an HDF5 file", broken, "a.h5")
    yield Case.read("h5 named png", some, whole, "a.png")

    def links(content: h5py.File) -> None:
        content["frames"] = h5py.ExternalLink("/etc/passwd", "x")
        content["loop"] = h5py.SoftLink("/loop")
        content["nowhere"] = h5py.SoftLink("/missing")
        content["self"] = content["/"]
        content.create_dataset("outside", (5, 8, 8), "u1", external=[("/etc/passwd", 0, 320)])

    yield Case.refused("h5 with external links", "holds no array", h5(links), "a.h5")
    yield Case.refused("mat 7.3 with external links", "holds no array", h5(links, matlab=True), "a.mat")

    def sparse(content: h5py.File) -> None:
        content.create_dataset("x", (10**7, 1000, 1000), "u1", chunks=(1, 1000, 1000))

    yield Case.refused("h5 of 10^13 values", "are free on the workspace's disk", h5(sparse), "a.h5")

    def large_chunk(content: h5py.File) -> None:
        content.create_dataset("x", (40, 4000, 4000), "u1", chunks=(40, 4000, 4000), compression="gzip")

    yield Case.refused("h5 with a chunk that explodes", "stored in chunks of 610 MiB", h5(large_chunk), "a.h5")

    def scalar(content: h5py.File) -> None:
        content["number"], content["text"], content["empty"] = 5, "a <b>text</b>", h5py.Empty("f")

    yield Case.refused("h5 of things that are no arrays", "no array that could be a series", h5(scalar), "a.h5")

    def crowd(content: h5py.File) -> None:
        for index in range(10_001):
            content.create_group(str(index))

    yield Case.refused("h5 of 10,001 groups", "cannot be read", h5(crowd), "a.h5")

    def cells(content: h5py.File, reference: Any) -> None:
        references = np.empty((1, 3), h5py.ref_dtype)
        for i in range(3):
            references[0, i] = content.create_dataset(f"#refs#/{i}", data=some[i].T).ref if i != 1 else reference(content)
        content.create_dataset("X", data=references, dtype=h5py.ref_dtype).attrs["MATLAB_class"] = np.bytes_("cell")
        for name in content["#refs#"]:
            content[f"#refs#/{name}"].attrs["MATLAB_class"] = np.bytes_("uint8")

    nothing = h5(lambda content: cells(content, lambda inner: h5py.Reference()), matlab=True)
    yield Case.refused("mat 7.3 with a cell of nothing", "cannot be read as a MATLAB file", nothing, "a.mat")
    group = h5(lambda content: cells(content, lambda inner: inner.create_group("g").ref), matlab=True)
    yield Case.refused("mat 7.3 with a struct in a cell", "cannot be read as a MATLAB file|Cell 2", group, "a.mat")
    itself = h5(lambda content: content.create_dataset("x", (3,), h5py.ref_dtype).attrs.create("MATLAB_class", b"cell"), True)
    yield Case.refused("mat 7.3 of empty cells", "cannot be read as a MATLAB file", itself, "a.mat")
    yield from netcdf_cases()
    yield from dicom_cases()


def netcdf_cases() -> Iterator[Case]:
    for kind in ("NETCDF3_CLASSIC", "NETCDF4"):
        whole = netcdf(kind)
        yield Case.refused(f"{kind} cut short", "cannot be read as a NetCDF file", whole[: len(whole) // 2], "a.nc")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.nc"
        path.write_bytes(netcdf("NETCDF4"))
        yield Case.refused("NetCDF with a link out", "points to other files", linked(path), "a.nc")
    yield Case.refused("NetCDF of noise", "cannot be read as a NetCDF file", b"CDF\x01" + bytes(range(256)), "a.nc")


def netcdf(kind: str) -> bytes:
    """Six grey frames as the NetCDF library writes them."""
    import netCDF4

    some = frames(6)[..., 0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whole.nc"
        with netCDF4.Dataset(path, "w", format=kind) as dataset:
            for name, length in zip(("time", "lat", "lon"), some.shape, strict=True):
                dataset.createDimension(name, length)
            dataset.createVariable("x", "i2", ("time", "lat", "lon"))[:] = some
        return path.read_bytes()


def linked(path: Path) -> bytes:
    with h5py.File(path, "a") as content:
        content["out"] = h5py.ExternalLink("/etc/passwd", "x")
    return path.read_bytes()


def deflated(whole: bytes, n_bytes: int) -> bytes:
    """A DICOM file, packed as a whole behind its first part, with `n_bytes` of nothing in an element of its own."""
    syntax = b"\x02\x00\x10\x00UI"
    start = 144 + struct.unpack("<I", whole[140:144])[0]
    head = whole[:start].replace(syntax + b"\x14\x001.2.840.10008.1.2.1\0", syntax + b"\x16\x001.2.840.10008.1.2.1.99")
    head = head[:140] + struct.pack("<I", len(head) - 144) + head[144:]
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packing.compress(struct.pack("<HH2sHI", 8, 1, b"OB", 0, n_bytes))
    for _ in range(0, n_bytes, 2**10):
        packed += packing.compress(bytes(2**10))
    return head + packed + packing.compress(whole[start:]) + packing.flush()


def dicom_cases() -> Iterator[Case]:
    some = frames(6)[..., 0]
    whole = dicom(some)
    bomb = deflated(whole, 2**29)
    yield Case.refused("dicom that is deflated and explodes", "more than 128 MiB inside", bomb, "a.dcm")
    yield Case.read("dicom that is deflated", frames(6)[..., :1], deflated(whole, 2**10), "a.dcm")
    yield Case.refused("dicom cut short", "cannot be read as a DICOM file", whole[:-100], "a.dcm")
    yield Case.refused("dicom of a header only", "cannot be read as a DICOM file", whole[:132], "a.dcm")
    larger = dicom(some, Rows=65535, Columns=65535)
    yield Case.refused("dicom that says it is larger", "at most 67,108,864|cannot be read", larger, "a.dcm")
    yield Case.refused("dicom of a million frames", "cannot be read", dicom(some, NumberOfFrames=1_000_000), "a.dcm")
    sizeless = whole.replace(b"\x28\x00\x10\x00US", b"\x29\x00\x10\x00US")
    yield Case.refused("dicom without a size", "cannot be read as a DICOM file", sizeless, "a.dcm")
