"""Frames are in the order of the numbers in their names: decimal numbers by their value, versions and dates piece by piece."""

import random

import numpy as np
import pytest

from framecast.series.ingest import Upload, ingest
from framecast.series.readers.pictures import natural_order
from framecast.series.store import SeriesStore
from tests.series.files import encoded
from tests.series.test_extras import dicom


def ordered(names: list[str], notes: list[str] | None = None) -> list[str]:
    """`names` as they are put in order, whatever order they come in."""
    mixed = names.copy()
    random.Random(0).shuffle(mixed)
    files = [Upload.from_bytes(name, b"") for name in mixed]
    return [file.name for file in natural_order(files, [] if notes is None else notes)]


@pytest.mark.parametrize(
    "names",
    [
        [f"p_{round(0.05 * index, 2)}.png" for index in range(1, 25)],
        [f"run3_t{0.05 * index}s_c1.tif" for index in range(60)],  # 0.15000000000000002, as Python writes it
        [f"T={0.25 * index:g}.png" for index in range(40)],  # 0, 0.25, 0.5, 0.75, 1
        [f"{0.05 * index:#.3g}.jpg" for index in range(1, 60)],  # 0.0500, 0.100, 1.00
        [f"lr_{value:g}.png" for value in (1e-05, 2.5e-05, 0.0001, 0.00025, 0.001, 1.5, 20, 1.5e16)],
        [f"t{value:e}.png" for value in (0.5, 1, 2, 10, 150)],
        [f"z_{value / 4:g}.png" for value in range(-6, 7)],
        [f"z_{value / 4:.2f}.png" for value in range(-6, 7)],
        [f"t{value}.png" for value in range(-12, 13)],
        ["depth-0.25.png", "depth-0.5.png", "depth-1.125.png"],  # a hyphen
        ["z_-1.125.png", "z_-0.5.png", "z_-0.25.png"],  # a sign
        ["t0.05", "t0.1", "t0.15"],  # without a suffix
        ["2020.25.png", "2020.5.png", "2021.png"],
    ],
    ids=lambda names: str(names[0]),
)
def test_decimal_numbers_are_ordered_by_their_value(names: list[str]) -> None:
    assert ordered(names) == names


@pytest.mark.parametrize(
    "names",
    [
        ["v1.2.png", "v1.9.png", "v1.10.png", "v2.1.png"],
        ["report_version 1.5.png", "report_version 1.25.png"],
        [f"1.{number}.png" for number in range(1, 21)],
        [f"plate 4.{number}.png" for number in range(8, 13)],
        [f"1.{number:02d}.png" for number in range(95, 103)],
        ["2020.01.02.png", "2020.1.3.png", "2020.1.12.png"],
        [f"{2020 + month // 12}.{month % 12 + 1}.png" for month in (8, 10, 11, 12, 13)],
        ["1.2.840.5.png", "1.2.840.25.png"],
        ["img_1.2_9.png", "img_1.2_10.png", "img_1.12_1.png"],
        ["depth-5.png", "depth-10.png", "depth-20.png"],
        ["x_-1.png", "x_-2.png", "x_-10.png"],
        ["s1e-2.png", "s1e-10.png", "s1e-11.png"],
        ["2020-01-02.png", "2020-01-10.png", "2020-02-01.png"],
    ],
    ids=lambda names: str(names[0]),
)
def test_names_that_hold_no_decimal_number_keep_their_natural_order(names: list[str]) -> None:
    assert ordered(names) == names


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["r_31-01-2024.png", "r_01-02-2024.png", "r_10-02-2024.png", "r_05-01-2025.png"], "as day, month and year"),
        (["30.04.2024_06.png", "30.04.2024_18.png", "01.05.2024_06.png"], "as day, month and year"),
        (["12_30_2023.png", "12_31_2023.png", "01_02_2024.png"], "as month, day and year"),
        (["01-02-2024.png", "02-02-2024.png", "03-02-2024.png"], ""),
    ],
)
def test_dates_that_end_with_the_year_are_in_order_of_time(names: list[str], said: str) -> None:
    notes: list[str] = []
    assert ordered(names, notes) == names
    assert len(notes) == bool(said) and said in " ".join(notes)


@pytest.mark.parametrize(
    "names",
    [
        ["13-13-2024.png", "14-12-2024.png"],
        ["cam1_31-01-2024.png", "cam2_01-01-2024.png"],
        ["1-2-2000.png", "2-1-2000.png"],
    ],
    ids=lambda names: str(names[0]),
)
def test_three_numbers_that_are_no_dates_keep_their_order(names: list[str]) -> None:
    assert ordered(names) == names


def test_what_lies_beside_the_frames_and_other_folders_change_nothing() -> None:
    times = ("0.05", "0.1", "0.15", "0.5")
    assert ordered(["a/notes.txt", *(f"a/p_{time}.png" for time in times), *(f"b/p_{time}.png" for time in times)]) == [
        "a/notes.txt", *(f"a/p_{time}.png" for time in times), *(f"b/p_{time}.png" for time in times)
    ]  # fmt: skip
    assert ordered([f"{channel}_{time}.png" for channel in "ab" for time in times]) == [
        f"{channel}_{time}.png" for channel in "ab" for time in times
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["p_0.05.png", "p_0.1.png"], "by the decimal numbers in them, so that p_0.05.png comes before p_0.1.png."),
        (["t-2.png", "t-1.png", "t0.png"], "by the decimal numbers in them, so that t-2.png comes before t-1.png."),
        (["4.8.png", "4.9.png", "4.10.png"], "piece by piece, so that 4.9.png comes before 4.10.png; if they are decimal"),
        (["v1.9.png", "v1.10.png"], ""),
        (["p_0.1.png", "p_0.2.png"], ""),
        (["p_0.5.png", "p_0.75.png", "p_1.25.png"], ""),
        (["p_1.png", "p_2.png", "p_10.png"], ""),
    ],
)
def test_an_order_that_could_have_been_another_is_told(names: list[str], said: str) -> None:
    notes: list[str] = []
    assert ordered(names, notes) == names
    assert len(notes) == bool(said) and said in "".join(notes)


def test_a_series_of_pictures_named_by_times_is_stored_in_time(store: SeriesStore) -> None:
    names = [f"p_{round(0.05 * index, 2)}.png" for index in range(1, 25)]
    files = [Upload.from_bytes(name, encoded(np.full((4, 5), 10 * i, np.uint8))) for i, name in enumerate(names)]
    stored = ingest(files[::-1], store)
    assert store.open(stored.digest).frames[:, 0, 0, 0].tolist() == list(range(0, 240, 10))
    assert store.names(stored.digest) == tuple(names) and len(stored.warnings) == 1
    assert "p_0.05.png comes before p_0.1.png" in stored.warnings[0]


def test_a_series_of_dicom_files_without_numbers_is_stored_in_time(store: SeriesStore) -> None:
    values = np.random.default_rng(0).integers(0, 256, (4, 10, 8), dtype=np.uint8)
    names = ("t0.05.dcm", "t0.1.dcm", "t0.15.dcm", "t0.2.dcm")
    files = [Upload.from_bytes(name, dicom(frame)) for name, frame in zip(names, values, strict=True)]
    stored = ingest(files, store)
    assert np.array_equal(store.open(stored.digest).frames[..., 0], values) and "t0.05.dcm comes" in stored.warnings[0]
    numbered = [Upload.from_bytes(name, dicom(values[i], InstanceNumber=i)) for i, name in enumerate(names)]
    assert ingest(numbered, SeriesStore(store.folder.parent / "other")).warnings == ()
