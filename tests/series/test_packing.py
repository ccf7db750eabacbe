"""Packed and missing values of NetCDF and HDF5 are what the files mean by them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.errors import ChoiceNeededError, SeriesError
from framecast.series.ingest import ingest, look
from framecast.series.store import SeriesStore
from tests.series.files import Array
from tests.series.test_extras import package

FORMATS = ["NETCDF4", "NETCDF3_CLASSIC"]


def written(
    folder: Path, values: Array, format: Any = "NETCDF4", leave_out: int | None = None, n_notes: int = 0, **attributes: Any
) -> Path:
    """The values as they are, (time, lat, lon), with these attributes; a frame can be left unwritten, and the file can begin
    with many words about it."""
    with package("netCDF4").Dataset(folder / "p.nc", "w", format=format) as content:
        content.setncatts({f"note{number}": "x" * 2000 for number in range(n_notes)})
        for name, length in (("time", None), ("lat", values.shape[1]), ("lon", values.shape[2])):
            content.createDimension(name, length)
        filling = attributes.pop("_FillValue", None)
        variable = content.createVariable("p", values.dtype, ("time", "lat", "lon"), fill_value=filling)
        variable.set_auto_maskandscale(False)
        variable.setncatts({"units": "K", **attributes})
        for index, frame in enumerate(values):
            if index != leave_out:
                variable[index] = frame
    return folder / "p.nc"


def read(store: SeriesStore, path: Path, **options: Any) -> tuple[Array, Array, tuple[str, ...]]:
    """Frames, the mask of pixels with data, and what was said."""
    stored = ingest(path, store, **options)
    series = store.open(stored.digest)
    valid = np.ones(series.frames.shape[1:3], bool) if series.valid is None else series.valid
    return np.asarray(series.frames[..., 0]), valid, stored.warnings


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("dtype", "attributes"),
    [
        ("i2", {"scale_factor": 0.01, "add_offset": 20.0, "_FillValue": np.int16(-300)}),
        ("i2", {"scale_factor": np.float32(0.1), "missing_value": np.int16(-300)}),
        ("i2", {"_FillValue": np.int16(-300), "missing_value": np.int16(-300)}),
        ("i4", {"add_offset": 273.15, "_FillValue": np.int32(-300)}),
        ("i1", {"_Unsigned": "true", "scale_factor": 0.5, "_FillValue": np.int8(-120)}),
        ("f4", {"_FillValue": np.float32(-300)}),
        ("f8", {"scale_factor": np.array([2.0]), "missing_value": -300.0}),
    ],
)
def test_values_are_unpacked_as_xarray_unpacks_them(
    store: SeriesStore, tmp_path: Path, format: str, dtype: str, attributes: dict[str, Any]
) -> None:
    values = np.random.default_rng(0).integers(-100, 100, (6, 9, 7)).astype(dtype)
    values[:, 2, 3] = -120 if dtype == "i1" else -300
    path = written(tmp_path, values, format, **attributes)
    with package("xarray").open_dataset(path, decode_times=False) as dataset:
        meant = dataset.p.values
    found, valid, _ = read(store, path)
    assert np.array_equal(valid, ~np.isnan(meant[0])) and np.argwhere(~valid).tolist() == [[2, 3]]
    assert np.allclose(found[:, valid], meant[:, valid], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i4"])
def test_values_are_scaled_where_none_can_be_missing(store: SeriesStore, tmp_path: Path, dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, 100, (6, 9, 7)).astype(dtype)
    with package("h5py").File(tmp_path / "a.h5", "w") as content:
        content["p"] = values
        content["p"].attrs["scale_factor"] = 0.01
    assert np.allclose(read(store, tmp_path / "a.h5")[0], values * 0.01, rtol=1e-6)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("dtype", "attributes", "outside"),
    [
        ("f4", {"valid_range": np.array([0, 100], "f4")}, -999),
        ("f4", {"valid_min": np.float32(0)}, -999),
        ("f8", {"valid_max": 100.0}, 1e20),
        ("i2", {"valid_range": np.array([0, 100], "i2")}, 101),
        ("i2", {"valid_range": np.array([0, 100], "i2"), "scale_factor": 0.01}, 101),
        ("i2", {"valid_range": np.array([-0.3, 0.7]), "scale_factor": 0.01, "add_offset": -0.3}, 101),
        ("i2", {"valid_min": np.int16(0), "_FillValue": np.int16(-5)}, -6),
        ("i1", {"valid_range": np.array([0, -2], "i1"), "_Unsigned": "true"}, -1),
    ],
)
def test_what_is_outside_the_valid_range_is_missing(
    store: SeriesStore, tmp_path: Path, format: str, dtype: str, attributes: dict[str, Any], outside: float
) -> None:
    values = np.random.default_rng(0).integers(0, 101, (6, 9, 7)).astype(dtype)
    values[:, 0, :2], values[:, 2, 3] = [0, 100], outside
    _, valid, said = read(store, written(tmp_path, values, format, **attributes))
    assert np.argwhere(~valid).tolist() == [[2, 3]]
    assert "outside the range that the file calls valid" in said[0] and "they became a mask" in said[1]


def test_a_range_that_holds_all_values_of_a_type_or_none_leaves_them_as_they_are(store: SeriesStore, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype=np.uint8)
    for ends in ([0, 255], [7, 3]):
        path = written(tmp_path, values, valid_range=np.array(ends, "u1"), scale_factor=1.0, add_offset=0.0)
        found, valid, said = read(store, path)
        assert found.dtype == np.uint8 and np.array_equal(found, values) and valid.all() and not said


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("dtype", "attributes"),
    [
        ("f4", {}),
        ("f8", {}),
        ("i2", {}),
        ("i4", {}),
        ("i2", {"scale_factor": 0.01}),
        ("f4", {"missing_value": np.float32(-1)}),
    ],
)
def test_a_frame_that_was_never_written_is_missing(
    store: SeriesStore, tmp_path: Path, format: str, dtype: str, attributes: dict[str, Any]
) -> None:
    values = np.random.default_rng(0).integers(0, 1000, (6, 9, 7)).astype(dtype)
    path = written(tmp_path, values, format, leave_out=2, **attributes)
    with pytest.raises(ChoiceNeededError, match="1 of 6 frames differ, first frame 3"):
        ingest(path, store)
    found, valid, said = read(store, path, missing="interpolate")
    assert valid.all() and "Values that were never written" in said[0]
    assert np.allclose(found[2], (found[1].astype(float) + found[3]) / 2, atol=1e-3)


def test_the_largest_whole_number_of_a_camera_is_a_value(store: SeriesStore, tmp_path: Path) -> None:
    """NetCDF fills with 65535, and cameras saturate there."""
    values = np.random.default_rng(0).integers(0, 65536, (6, 9, 7), dtype=np.uint16)
    values[2, 3, 4] = 65535
    found, valid, _ = read(store, written(tmp_path, values))
    assert found.dtype == np.uint16 and np.array_equal(found, values) and valid.all()


@pytest.mark.parametrize(
    "attributes",
    [{"scale_factor": "a tenth"}, {"scale_factor": 0.0}, {"add_offset": np.array([1.0, 2.0])}, {"add_offset": np.nan}],
)
def test_packing_that_says_no_number_is_refused(store: SeriesStore, tmp_path: Path, attributes: dict[str, Any]) -> None:
    path = written(tmp_path, np.arange(6 * 9 * 7, dtype="i2").reshape(6, 9, 7), **attributes)
    with pytest.raises(SeriesError, match=f"The {next(iter(attributes))} of p in 'p.nc' is .*; one number .*needed"):
        ingest(path, store)


def test_a_data_set_of_hdf5_is_unpacked_as_its_attributes_say(store: SeriesStore, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-100, 100, (6, 9, 7)).astype(">i2")
    values[:, 2, 3], values[:, 4, 4] = -300, 200
    with package("h5py").File(tmp_path / "a.h5", "w") as content:
        content["run/sst"] = values
        attributes = {"scale_factor": [0.01], "add_offset": 20.0, "_FillValue": np.int16(-300), "valid_max": np.int16(100)}
        content["run/sst"].attrs.update({"units": "degC", **attributes})
    found, valid, said = read(store, tmp_path / "a.h5")
    assert np.argwhere(~valid).tolist() == [[2, 3], [4, 4]] and store.list()[0].units == "degC"
    assert np.allclose(found[:, valid], 20 + 0.01 * values[:, valid], rtol=1e-6)
    assert said[0] == "The values were unpacked as the file says: times 0.01, plus 20."
    with package("h5py").File(tmp_path / "a.h5", "a") as content:
        content["run/sst"].attrs["scale_factor"] = [0.01, 0.02]
    with pytest.raises(SeriesError, match="The scale_factor of run/sst in 'a.h5' is .*; one number other than 0 is needed"):
        ingest(tmp_path / "a.h5", store)


def with_scales(path: Path, values: Array, **datasets: Any) -> Path:
    """As NetCDF lays them out, without its name: written by h5py."""
    h5py = package("h5py")
    with h5py.File(path, "w") as content:
        content["sst"] = values
        packed = {"scale_factor": 0.01, "add_offset": 20.0, "_FillValue": np.int16(-300), "units": "degC"}
        content["sst"].attrs.update(packed)
        for axis, (name, length) in enumerate(zip(("time", "lat", "lon"), values.shape, strict=True)):
            content[name] = 6.0 * np.arange(length)
            content[name].make_scale(name)
            content["sst"].dims[axis].attach_scale(content[name])
        content["time"].attrs["units"] = "hours since 2000-01-01"
        for name, value in datasets.items():
            content[name.replace("__", "/")] = value
    return path


def test_netcdf_is_known_by_what_it_is_and_not_by_its_first_bytes(store: SeriesStore, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-100, 100, (6, 9, 7)).astype("i2")
    values[:, 2, 3] = -300
    attributes = {"scale_factor": 0.01, "add_offset": 20.0, "_FillValue": np.int16(-300)}
    wordy = written(tmp_path, values, n_notes=100, **attributes)
    assert b"_NCProperties" not in wordy.read_bytes()[:65536]
    for path in (with_scales(tmp_path / "old.h5", values), wordy):
        (part,) = look(path).parts
        assert part.axis_names == ("time", "lat", "lon")
        found, valid, said = read(store, path)
        assert np.argwhere(~valid).tolist() == [[2, 3]] and "unpacked" not in " ".join(said)
        assert np.allclose(found[:, valid], 20 + 0.01 * values[:, valid], rtol=1e-6)
    (stored,) = store.list()
    assert stored.timestep == timedelta(hours=6) and stored.units == "degC" and "NetCDF" in stored.source


@pytest.mark.parametrize(
    "beside", [{"a__b": np.zeros((4, 5, 6))}, {"half": np.zeros(3, "f2")}, {"yes": np.zeros((6, 9, 7), bool)}]
)
def test_hdf5_with_scales_that_is_no_netcdf_stays_hdf5(store: SeriesStore, tmp_path: Path, beside: dict[str, Any]) -> None:
    values = np.random.default_rng(0).integers(-100, 100, (6, 9, 7)).astype("i2")
    path = with_scales(tmp_path / "a.h5", values, **beside)
    stored = ingest(path, store, variable="sst")
    assert np.allclose(store.open(stored.digest).frames[..., 0], 20 + 0.01 * values, rtol=1e-6) and "HDF5" in stored.source


def test_netcdf_with_numbers_that_its_library_does_not_know_is_refused(store: SeriesStore, tmp_path: Path) -> None:
    path = written(tmp_path, np.zeros((6, 9, 7), "f4"))
    with package("h5py").File(path, "a") as content:
        content["half"] = np.zeros((6, 9, 7), "f2")
    with pytest.raises(SeriesError, match="'p.nc' holds real numbers of 16 bits ./half., and NetCDF has those of 32 and"):
        ingest(path, store)
