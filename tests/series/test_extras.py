"""NetCDF and DICOM: read where their packages are, and one sentence where they are not."""

import builtins
import importlib
import io
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.ingest import Upload, Wanted, ingest, look
from framecast.series.store import SeriesStore
from tests.series.files import Array


def package(name: str) -> Any:
    """An optional package; without it a test is skipped, but fails where CI is set, so that a green run has seen it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{name} is not installed (requirements-extras.txt)")


@pytest.fixture
def pressure() -> Array:
    """(8, 9, 7) float32, no two values alike."""
    return np.random.default_rng(3).normal(1e5, 300, (8, 9, 7)).astype(np.float32)


def netcdf(folder: Path, dims: tuple[str, ...], values: Array, format: Any = "NETCDF4", **encoding: Any) -> Path:
    xarray = package("xarray")
    package("netCDF4")
    times = np.datetime64("2020-01-01") + 6 * np.timedelta64(1, "h") * np.arange(values.shape[dims.index("time")])
    dataset = xarray.Dataset(
        {"p": (dims, values, {"units": "Pa"}), "station": (("name",), np.arange(3))}, coords={"time": times.astype("M8[ns]")}
    )
    path = folder / "p.nc"
    dataset.to_netcdf(path, format=format, engine="netcdf4", encoding={"p": encoding})
    return path


@pytest.mark.parametrize("format", ["NETCDF4", "NETCDF3_CLASSIC", "NETCDF3_64BIT"])
@pytest.mark.parametrize("dims", [("time", "lat", "lon"), ("lat", "lon", "time")])
def test_netcdf_is_read_by_the_names_of_its_axes(
    store: SeriesStore, pressure: Array, tmp_path: Path, format: str, dims: tuple[str, ...]
) -> None:
    laid = pressure if dims[0] == "time" else np.moveaxis(pressure, 0, -1)
    path = netcdf(tmp_path, dims, laid, format)
    for source in (path, Upload.from_bytes("p.nc", path.read_bytes())):
        stored = ingest(source, store)
        series = store.open(stored.digest)
        assert np.array_equal(series.frames[..., 0], pressure)
        assert (series.units, series.timestep) == ("Pa", timedelta(hours=6))


@pytest.mark.parametrize(
    ("hours", "calendar", "step_h", "said"),
    [
        ([0, 6, 12, 18, 24, 30, 36, 42], "360_day", 6, ""),
        ([0, 6, 12, 24, 30, 36, 42, 48], "standard", None, "not evenly spaced"),
        ([0, -6, 12, 24, 30, 36, 42, 48], "standard", None, "not evenly spaced"),
        ([42, 36, 30, 24, 18, 12, 6, 0], "noleap", None, "run backwards"),
    ],
)
def test_times_of_netcdf_are_kept_and_what_is_odd_is_said(
    store: SeriesStore, pressure: Array, tmp_path: Path, hours: list[int], calendar: str, step_h: int | None, said: str
) -> None:
    xarray = package("xarray")
    package("netCDF4")
    time = ("time", np.array(hours, float), {"units": "hours since 2000-02-25", "calendar": calendar})
    xarray.Dataset({"p": (("time", "lat", "lon"), pressure)}, {"time": time}).to_netcdf(tmp_path / "p.nc", engine="netcdf4")
    stored = ingest(tmp_path / "p.nc", store, wanted=Wanted(start=1))
    assert np.allclose(np.diff(store.times(stored.digest)), 3600 * np.diff(hours[1:]))
    assert stored.timestep == (timedelta(hours=step_h) if step_h else None)
    assert (said in stored.warnings[0]) if said else ("times" not in " ".join(stored.warnings))


def test_netcdf_scaled_and_missing_values(store: SeriesStore, pressure: Array, tmp_path: Path) -> None:
    pressure[:, 2, 3] = np.nan
    path = netcdf(tmp_path, ("time", "y", "x"), pressure, dtype="i2", scale_factor=0.1, add_offset=1e5, _FillValue=-32768)
    series = store.open(ingest(path, store).digest)
    assert series.valid is not None and not series.valid[2, 3] and series.valid.sum() == 62
    assert np.abs(series.frames[..., 0][:, series.valid] - pressure[:, series.valid]).max() < 0.06


def test_a_level_beside_time_is_asked(store: SeriesStore, pressure: Array, tmp_path: Path) -> None:
    levels = np.stack([pressure, pressure + 1000], axis=1)
    path = netcdf(tmp_path, ("time", "level", "lat", "lon"), levels)
    with pytest.raises(ChoiceNeededError, match=r"called time, level, lat, lon\) and it is not plain which axis is time"):
        ingest(path, store)
    (part,) = look(path).parts
    assert [str(option) for option in part.options][0] == "T,1,H,W"
    assert np.array_equal(store.open(ingest(path, store, axes="T,2,H,W").digest).frames[..., 0], pressure + 1000)


def test_variables_in_groups_are_offered_with_the_axes_around_them(
    store: SeriesStore, pressure: Array, tmp_path: Path
) -> None:
    library = package("netCDF4")
    path = tmp_path / "p.nc"
    with library.Dataset(path, "w") as content:
        content.createDimension("time", 8)
        content.createDimension("lat", 9)
        time = content.createVariable("time", "f8", ("time",))
        time.units, time[:] = "hours since 2020-01-01", 6 * np.arange(8)
        for name, values in (("low/wind", pressure / 2), ("high/wind", pressure)):
            group = content.createGroup(name)
            group.createDimension("lon", 7)
            variable = group.createVariable("p", "f4", ("time", "lat", "lon"))
            variable.units, variable[:] = "Pa", values
    assert [part.name for part in look(path).parts] == ["low/wind/p", "high/wind/p"]
    with pytest.raises(ChoiceNeededError, match="2 variables that could be a series: low/wind/p"):
        ingest(path, store)
    stored = ingest(path, store, variable="high/wind/p")
    assert np.array_equal(store.open(stored.digest).frames[..., 0], pressure)
    assert (stored.units, stored.timestep) == ("Pa", timedelta(hours=6)) and store.times(stored.digest)[1] == 6 * 3600


def test_netcdf_links_are_not_followed(store: SeriesStore, pressure: Array, tmp_path: Path) -> None:
    h5py = package("h5py")
    path = netcdf(tmp_path, ("time", "lat", "lon"), pressure)
    with h5py.File(path, "a") as content:
        content["stolen"] = h5py.ExternalLink("/etc/passwd", "x")
    with pytest.raises(SeriesError, match="points to other files, which are not followed"):
        ingest(path, store)


def dicom(values: Array, **changes: Any) -> bytes:
    """One DICOM file of one or more frames, (time, height, width) or (height, width)."""
    pydicom = package("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = generate_uid()
    header = FileDataset("a.dcm", {}, file_meta=meta, preamble=b"\0" * 128)
    header.PatientName = "Secret^Person"
    header.Rows, header.Columns = values.shape[-2:]
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 8 * values.dtype.itemsize
    header.HighBit = header.BitsStored - 1
    header.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 3:
        header.NumberOfFrames = len(values)
    for name, value in changes.items():
        setattr(header, name, value)
    header.PixelData = values.tobytes()
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, header, enforce_file_format=True)
    return stream.getvalue()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_dicom_of_many_frames(store: SeriesStore, dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, 256, (5, 10, 8)).astype(dtype)
    stored = ingest(Upload.from_bytes("a.dcm", dicom(values, FrameTime=40)), store)
    found = store.open(stored.digest).frames
    assert found.dtype == dtype and np.array_equal(found[..., 0], values) and stored.timestep == timedelta(milliseconds=40)
    assert "Secret" not in f"{stored}"


def test_dicom_values_are_those_the_file_means(store: SeriesStore) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (5, 10, 8)).astype(np.int16)
    content = dicom(values, RescaleSlope=2, RescaleIntercept=-1024, RescaleType="HU")
    stored = ingest(Upload.from_bytes("a.dcm", content), store)
    assert np.array_equal(store.open(stored.digest).frames[..., 0], values * 2.0 - 1024) and stored.units == "HU"
    small = values.astype(np.uint16) >> 4
    turned = ingest(Upload.from_bytes("b.dcm", dicom(small, PhotometricInterpretation="MONOCHROME1")), store)
    assert np.array_equal(store.open(turned.digest).frames[..., 0], 65535 - small) and "turned round" in turned.warnings[0]


@pytest.mark.parametrize(("limit", "slope"), [(None, 1.0), (-1990, 1.0), (None, 2.0)])
def test_dicom_padding_is_missing(store: SeriesStore, limit: int | None, slope: float) -> None:
    """Left as values, what a scanner writes around its circle would stretch the range and be forecast."""
    values = np.random.default_rng(0).integers(-1000, 500, (5, 10, 8)).astype(np.int16)
    values[:, :3] = -2000
    values[:, :3, 0] = -2000 if limit is None else limit
    changes = {} if limit is None else {"PixelPaddingRangeLimit": limit}
    content = dicom(values, PixelPaddingValue=-2000, RescaleSlope=slope, RescaleIntercept=0, **changes)
    stored = ingest(Upload.from_bytes("a.dcm", content), store)
    series = store.open(stored.digest)
    assert series.valid is not None and (~series.valid[:3]).all() and series.valid[3:].all()
    assert stored.value_range == (slope * values[:, 3:].min(), slope * values[:, 3:].max())
    assert "calls padding" in stored.warnings[0]


def test_dicom_padding_of_whole_numbers_without_sign_leaves_them_whole(store: SeriesStore) -> None:
    values = np.random.default_rng(0).integers(0, 256, (5, 10, 8)).astype(np.uint16)
    stored = ingest(Upload.from_bytes("a.dcm", dicom(values, PixelPaddingValue=0)), store)
    assert np.array_equal(store.open(stored.digest).frames[..., 0], values) and stored.dtype == "uint16"


def test_many_dicom_files_are_ordered_by_their_own_numbers(store: SeriesStore) -> None:
    values = np.random.default_rng(0).integers(0, 256, (5, 10, 8), dtype=np.uint8)
    files = [Upload.from_bytes(f"{9 - i}.dcm", dicom(frame, InstanceNumber=i + 1)) for i, frame in enumerate(values)]
    assert np.array_equal(store.open(ingest(files, store).digest).frames[..., 0], values)
    files[2] = Upload.from_bytes("7.dcm", dicom(values[2, :9], InstanceNumber=3))
    with pytest.raises(SeriesError, match=r"'7.dcm' is 9 x 8 pixels and '9.dcm' 10 x 8"):
        ingest(files, store)


@pytest.mark.parametrize(
    ("element", "value"),
    [(b"\x28\x00\x08\x00IS", b"3k"), (b"\x18\x00\x63\x10DS", b"x "), (b"\x28\x00\x10\x00US", b"\x01")],
)
def test_a_dicom_header_that_means_nothing_is_one_sentence(store: SeriesStore, element: bytes, value: bytes) -> None:
    """pydicom looks at a value when it is asked for, long after the file was opened."""
    content = dicom(np.zeros((5, 10, 8), np.uint8), FrameTime=40)
    place = content.index(element) + len(element)
    length = int.from_bytes(content[place : place + 2], "little")
    broken = content[:place] + len(value).to_bytes(2, "little") + value + content[place + 2 + length :]
    with pytest.raises(SeriesError, match="cannot be read as a DICOM file"):
        ingest(Upload.from_bytes("a.dcm", broken), store)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"CDF\x01" + bytes(100), "a NetCDF file, which is read by xarray and netCDF4"),
        (bytes(128) + b"DICM" + bytes(100), "a DICOM file, which is read by pydicom"),
    ],
)
def test_without_the_packages_one_sentence_says_what_to_install(
    store: SeriesStore, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] in ("xarray", "netCDF4", "pydicom"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(SeriesError, match=f"{words}, and that is not installed here. Install it: .*requirements-extras.txt"):
        ingest(Upload.from_bytes("a", content), store)
