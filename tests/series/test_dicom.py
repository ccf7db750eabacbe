"""DICOM: what the headers say of values, colours and times holds for every frame, not for the first one only."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from framecast.errors import SeriesError
from framecast.series.ingest import Upload, Wanted, ingest
from framecast.series.readers import dicom_values
from framecast.series.store import SeriesStore
from tests.series.files import Array
from tests.series.test_extras import dicom, package


@pytest.fixture
def values() -> Array:
    """(6, 10, 8) uint16, 12 bits of them."""
    return np.random.default_rng(0).integers(0, 4096, (6, 10, 8), dtype=np.uint16)


def items(*keywords: str, **last: Any) -> Any:
    """A sequence of one item in another, the innermost of which holds `last`."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence as Items

    held = Dataset()
    for name, value in last.items():
        setattr(held, name, value)
    for keyword in reversed(keywords):
        outer = Dataset()
        setattr(outer, keyword, Items([held]))
        held = outer
    return Items([held])


def palette(n_entries: int, dtype: str, **more: Any) -> tuple[dict[str, Any], Array]:
    """The elements of a table of colours, and the table (entry, colour)."""
    table = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (n_entries, 3)).astype(dtype)
    said = {"PhotometricInterpretation": "PALETTE COLOR", **more}
    for colour, column in zip(("Red", "Green", "Blue"), table.T, strict=True):
        said[f"{colour}PaletteColorLookupTableDescriptor"] = [n_entries, 0, 8 * table.dtype.itemsize]
        said[f"{colour}PaletteColorLookupTableData"] = column.tobytes()
    return said, table


def numbered(contents: Sequence[bytes]) -> list[Upload]:
    return [Upload.from_bytes(f"{index}.dcm", content) for index, content in enumerate(contents)]


def read_back(store: SeriesStore, source: Upload | list[Upload]) -> Array:
    return np.asarray(store.open(ingest(source, store).digest).frames)


def test_a_slope_of_any_file_makes_all_of_them_float32(store: SeriesStore, values: Array) -> None:
    lines = [(1.0, 0.0), *((0.5, -100.25 - index) for index in range(5))]
    contents = [
        dicom(frame, RescaleSlope=slope, RescaleIntercept=intercept, PhotometricInterpretation="MONOCHROME1")
        for frame, (slope, intercept) in zip(values, lines, strict=True)
    ]
    found = read_back(store, numbered(contents))
    expected = [frame * slope + intercept for frame, (slope, intercept) in zip(values, lines, strict=True)]
    assert found.dtype == np.float32 and np.array_equal(found[..., 0], expected)


def test_files_of_several_types_are_kept_in_the_one_that_holds_all(
    store: SeriesStore, values: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = (values[0] % 256).astype(np.uint8)
    stored = ingest(numbered([dicom(narrow), *map(dicom, values[1:])]), store)
    found = store.open(stored.digest).frames
    assert found.dtype == np.uint16 and np.array_equal(found[..., 0], [narrow, *values[1:]])
    assert "values of several types (uint16, uint8); they were kept as they are, as uint16" in stored.warnings[0]
    with monkeypatch.context() as patch:
        patch.setattr(dicom_values, "kind", lambda header: "")  # as if the headers had said nothing of it
        with pytest.raises(SeriesError, match="turns out to hold uint16 values and not uint8"):
            ingest(numbered([dicom(narrow), *map(dicom, values[1:])]), store)
    signed = values[0].astype(np.int16) - 2000
    assert np.array_equal(read_back(store, numbered([*map(dicom, values[1:]), dicom(signed)]))[-1, ..., 0], signed)


def test_grey_and_colour_files_are_told_apart_by_name(store: SeriesStore, values: Array) -> None:
    said, _ = palette(256, "uint8")
    narrow = (values % 256).astype(np.uint8)
    with pytest.raises(SeriesError, match="'3.dcm' has 3 channels and '0.dcm' 1; all must be grey, or all in colour"):
        ingest(numbered([*map(dicom, narrow[:3]), dicom(narrow[3], **said)]), store)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_table_of_colours_is_looked_up(store: SeriesStore, values: Array, dtype: str) -> None:
    said, table = palette(200, dtype)
    indices = (values % 300).astype(np.uint16)  # those beyond the table have its last colour, by the standard
    found = read_back(store, Upload.from_bytes("a.dcm", dicom(indices, **said)))
    assert found.dtype == dtype and np.array_equal(found, table[np.minimum(indices, 199)])


def test_a_table_that_pydicom_would_misread_is_refused(store: SeriesStore, values: Array) -> None:
    said, _ = palette(512, "uint8")
    with pytest.raises(SeriesError, match="a table of 512 entries of 8 bits, which is not read here; at most 256 are"):
        ingest(Upload.from_bytes("a.dcm", dicom(values, **said)), store)


def test_slopes_of_enhanced_files_hold_for_all_frames_or_for_each(store: SeriesStore, values: Array) -> None:
    package("pydicom")
    shared = items("PixelValueTransformationSequence", RescaleSlope=2, RescaleIntercept=-1024, RescaleType="HU")
    stored = ingest(Upload.from_bytes("a.dcm", dicom(values, SharedFunctionalGroupsSequence=shared)), store)
    assert np.array_equal(store.open(stored.digest).frames[..., 0], values * 2.0 - 1024) and stored.units == "HU"
    own = items("PixelValueTransformationSequence", RescaleSlope=1, RescaleIntercept=0)
    for index in range(1, 6):
        own.extend(items("PixelValueTransformationSequence", RescaleSlope=index + 1, RescaleIntercept=-index))
    content = dicom(values, SharedFunctionalGroupsSequence=shared, PerFrameFunctionalGroupsSequence=own)
    steps = np.arange(6.0)[:, None, None]
    file = Upload.from_bytes("a.dcm", content)
    assert np.array_equal(read_back(store, file)[..., 0], values * (steps + 1) - steps)
    part = store.open(ingest(file, store, wanted=Wanted(2)).digest).frames
    assert np.array_equal(part[..., 0], (values * (steps + 1) - steps)[2:])
    del own[4:]
    with pytest.raises(SeriesError, match="cannot be read as a DICOM file"):
        ingest(Upload.from_bytes("a.dcm", dicom(values, PerFrameFunctionalGroupsSequence=own)), store)


def test_frames_of_one_file_at_different_places_are_told(store: SeriesStore, values: Array) -> None:
    package("pydicom")
    own = items("PlanePositionSequence", ImagePositionPatient=[0, 0, 0])
    for index in range(1, 6):
        own.extend(items("PlanePositionSequence", ImagePositionPatient=[0, 0, index]))
    stored = ingest(Upload.from_bytes("a.dcm", dicom(values, PerFrameFunctionalGroupsSequence=own)), store)
    assert "different places in the body" in stored.warnings[0]


def test_listed_times_are_kept(store: SeriesStore, values: Array) -> None:
    pointer = {"FrameIncrementPointer": 0x00181065, "FrameTime": 33}
    content = dicom(values, FrameTimeVector=[0, 40, 40, 400, 40, 40], **pointer)
    stored = ingest(Upload.from_bytes("a.dcm", content), store, wanted=Wanted(1))
    assert np.allclose(np.diff(store.times(stored.digest)), [0.04, 0.4, 0.04, 0.04]) and stored.timestep is None
    assert "taken at uneven times" in stored.warnings[0]
    even = ingest(Upload.from_bytes("b.dcm", dicom(values, FrameTimeVector=[0, 40, 40, 40, 40, 40])), store)
    assert even.timestep == timedelta(milliseconds=40) and "times" not in " ".join(even.warnings)


@pytest.mark.parametrize("listed", [[0, 40], [0, 40, 40, -40, 40, 40], 40])
def test_times_that_cannot_be_those_of_the_frames_are_left_aside(store: SeriesStore, values: Array, listed: object) -> None:
    stored = ingest(Upload.from_bytes("a.dcm", dicom(values, FrameTimeVector=listed)), store)
    assert "do not fit its frames" in stored.warnings[0] and store.times(stored.digest) == ()
