"""A prepared series is what its steps say, pixel for pixel, in any order of asking, and says where it came from."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from framecast.errors import SettingError
from framecast.series.derive import Recipe, derive, kept_frames, prepared_frame, steps
from framecast.series.frames import FrameSeries
from framecast.series.preparation import reduce_frames
from framecast.series.store import SeriesStore, StoredSeries
from tests.series.files import Array

N = 20
NAMES = tuple(f"f{number}.png" for number in range(1, N + 1))


@pytest.fixture
def colours() -> Array:
    return np.random.default_rng(0).integers(0, 256, (N, 24, 30, 3), dtype=np.uint8)


@pytest.fixture
def stored(store: SeriesStore, colours: Array) -> StoredSeries:
    return store.add("cells", colours, timestep=timedelta(seconds=2), names=NAMES)


def made(store: SeriesStore, stored: StoredSeries, **steps: object) -> tuple[StoredSeries, Array]:
    found = derive(store, stored.digest, Recipe(**steps))  # type: ignore[arg-type]
    return found, np.asarray(store.open(found.digest).frames)


def test_a_crop_is_the_pixels_of_the_rectangle(store: SeriesStore, stored: StoredSeries, colours: Array) -> None:
    found, frames = made(store, stored, crop=(3, 5, 11, 7))
    assert np.array_equal(frames, colours[:, 5:12, 3:14])
    assert (found.width, found.height, found.n_frames) == (11, 7, N)
    assert store.names(found.digest) == NAMES and found.timestep == timedelta(seconds=2) and found.warnings == ()


def test_where_it_came_from_is_kept(store: SeriesStore, stored: StoredSeries) -> None:
    found, _ = made(store, stored, crop=(0, 0, 10, 10), drop=(4,), grey=True)
    assert found.made_from == stored.digest and found.source == "Prepared from cells"
    assert found.steps == ("Frame 4 left out.", "Cropped to 10 × 10 pixels, the upper left corner at x 0, y 0.", "Made grey.")
    assert found.name == "cells, 10 × 10 px, grey, 1 mended"
    again, _ = made(store, stored, crop=(0, 0, 10, 10), drop=(4,), grey=True)
    assert again == found and len(store.list()) == 2


def test_grey_is_pillow_s_brightness_and_exact_where_channels_are_equal(
    store: SeriesStore, stored: StoredSeries, colours: Array
) -> None:
    _, frames = made(store, stored, grey=True)
    expected = np.stack([np.asarray(Image.fromarray(frame).convert("L")) for frame in colours])
    assert frames.shape[-1] == 1 and np.abs(frames[..., 0].astype(int) - expected).max() <= 1
    equal = store.add("equal", colours[..., :1].repeat(3, axis=-1))
    assert np.array_equal(made(store, equal, grey=True)[1], colours[..., :1])


def test_size_is_the_shorter_side_after_the_crop(store: SeriesStore, stored: StoredSeries, colours: Array) -> None:
    _, frames = made(store, stored, crop=(2, 0, 20, 10), size=5)
    assert np.array_equal(frames, reduce_frames(np.ascontiguousarray(colours[:, :10, 2:22]), (5, 10)))


def test_every_nth_frame_counts_by_the_old_numbers_and_lengthens_the_timestep(
    store: SeriesStore, stored: StoredSeries, colours: Array
) -> None:
    found, frames = made(store, stored, every=3, frames=(2, 15), drop=(6,))
    assert np.array_equal(frames, colours[[1, 4, 7, 10, 13]]) and store.names(found.digest)[0] == "f2.png"
    assert found.timestep == timedelta(seconds=6) and found.warnings == ()


def test_frames_left_out_are_gone_and_the_uneven_step_is_said(
    store: SeriesStore, stored: StoredSeries, colours: Array
) -> None:
    found, frames = made(store, stored, drop=(10, 11))
    assert np.array_equal(frames, np.delete(colours, [9, 10], axis=0)) and "f10.png" not in store.names(found.digest)
    assert found.warnings[0].startswith("Frames were left out after frame 9, so not all steps in time are equal")
    assert made(store, stored, drop=(1, 2, 20))[0].warnings == ()


def test_a_row_of_replaced_frames_lies_on_the_line_between_its_neighbours(
    store: SeriesStore, stored: StoredSeries, colours: Array
) -> None:
    _, frames = made(store, stored, interpolate=(10, 11), drop=(12,))
    before, after = colours[8].astype(float), colours[12].astype(float)
    assert np.array_equal(frames[9], np.rint(before + (after - before) * 1 / 4).astype(np.uint8))
    assert np.array_equal(frames[10], np.rint(before + (after - before) * 2 / 4).astype(np.uint8))
    assert np.array_equal(frames[:9], colours[:9]) and np.array_equal(frames[11:], colours[12:])


def test_a_frame_before_the_test_is_not_replaced_by_what_lies_between_it_and_the_test(
    store: SeriesStore, stored: StoredSeries, colours: Array
) -> None:
    """Of 20 frames the last 4 are the test by default, of every second one of them the last 2; counted as they are kept."""
    for changes, replaced, alone in (
        ({}, (15, 16, 17), (15, 16)),
        ({}, (16,), (16,)),
        ({}, (14,), ()),
        ({"every": 2}, (15,), (15,)),
        ({"frames": (1, 10)}, (8,), (8,)),
        ({"drop": (17,)}, (15,), (15,)),
    ):
        found, frames = made(store, stored, interpolate=replaced, **changes)
        kept = kept_frames(Recipe(interpolate=replaced, **changes), store.open(stored.digest))
        for number in replaced:
            repeats = np.array_equal(frames[kept.index(number - 1)], colours[replaced[0] - 2])
            assert repeats is (number in alone), (changes, number)
        assert any("by the one before alone" in step for step in found.steps) is bool(alone)
        assert found.warnings[0] == "A frame that was replaced knows the one after it; begin no test between the two."


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_deep_values_and_their_range_are_kept(store: SeriesStore, dtype: str) -> None:
    values = (np.random.default_rng(1).random((6, 8, 8, 1)) * 4000).astype(dtype)
    parent = store.add("deep", values)
    found, frames = made(store, parent, crop=(0, 0, 4, 4))
    assert frames.dtype == dtype and np.array_equal(frames, values[:, :4, :4]) and found.value_range == parent.value_range


@pytest.mark.parametrize(("dtype", "unwritten"), [("uint16", 65535), ("float32", 9.96921e36)])
@pytest.mark.parametrize("mended", [{"drop": (4,)}, {"interpolate": (4,)}, {"frames": (5, 20)}, {"every": 2}])
def test_a_frame_that_was_never_written_takes_the_range_that_it_set_with_it(
    store: SeriesStore, dtype: str, unwritten: float, mended: dict[str, object]
) -> None:
    values = (np.random.default_rng(1).random((20, 8, 8, 1)) * 4000).astype(dtype)
    values[3] = unwritten
    parent = store.add("deep", values)
    whole, frames = made(store, parent, **mended)
    expected = (0.0, 4095.0) if dtype == "uint16" else (float(frames.min()), float(frames.max()))
    assert parent.value_range[1] == np.float32(unwritten) and whole.value_range == expected
    assert whole.warnings[-1].startswith("The value range was taken anew") and "SSIM" in whole.warnings[-1]
    part, _ = made(store, parent, crop=(0, 0, 4, 4), size=2, **mended)
    assert part.value_range == expected  # as a crop of all frames keeps their range
    cropped, _ = made(store, parent, crop=(0, 0, 8, 7))
    assert cropped.value_range == parent.value_range
    assert made(store, cropped, **mended)[0].value_range[1] < 5000  # though the range is not that of the crop's own values


def test_a_range_that_was_declared_stays_whatever_is_left_out(store: SeriesStore) -> None:
    values = np.random.default_rng(1).random((20, 8, 8, 1), np.float32)
    by_caller = store.add("declared", values, value_range=(0, 2))
    by_hand = store.declare_range(by_caller.digest, -1, 1)
    for parent in (by_caller, by_hand, made(store, by_hand, crop=(0, 0, 4, 4))[0]):
        found, _ = made(store, parent, drop=(4, 5))
        assert found.value_range == parent.value_range and not any("range" in note for note in found.warnings)


def test_a_mask_is_cropped_and_reduced_with_its_frames(store: SeriesStore) -> None:
    values = np.full((4, 8, 8, 1), 10, np.float32)
    valid = np.ones((8, 8), bool)
    valid[:, 3:] = False
    values[:, :, 3:] = -999
    parent = store.add("masked", values, valid=valid, value_range=(0, 20))
    found, frames = made(store, parent, size=4)
    mask = store.open(found.digest).valid
    assert mask is not None and np.array_equal(mask, np.repeat([[True, True, False, False]], 4, axis=0))
    assert np.allclose(frames[:, mask], 10)  # what fills the others never leaks in
    cropped, _ = made(store, parent, crop=(0, 0, 3, 8))
    assert not cropped.has_mask
    with pytest.raises(SettingError, match="No pixel of this crop"):
        made(store, parent, crop=(4, 0, 4, 8))


def test_one_frame_seen_beforehand_is_the_frame_that_is_stored(store: SeriesStore, stored: StoredSeries) -> None:
    recipe = Recipe(crop=(1, 2, 20, 20), size=7, grey=True, every=2, interpolate=(5,))
    series = store.open(stored.digest)
    found = derive(store, stored.digest, recipe)
    for place, index in enumerate(kept_frames(recipe, series)):
        assert np.array_equal(prepared_frame(series, recipe, index), store.open(found.digest).frames[place])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "Nothing is to be changed"),
        ({"crop": (20, 0, 20, 10)}, r"reaches beyond the frame of 30 × 24 pixels. Choose one inside, as 20, 0, 10, 10"),
        ({"crop": (0, 0, 0, 10)}, "width and height"),
        ({"size": 25}, "shorter side has 24 pixels; frames are never enlarged. Choose 24 or less"),
        ({"size": 0}, "Choose 1 or more"),
        ({"every": 0}, "Choose 1 or more"),
        ({"frames": (5, 4)}, "not after the last"),
        ({"frames": (1, 21)}, "There is no frame 21"),
        ({"drop": (0,)}, "There is no frame 0"),
        ({"drop": tuple(range(1, 20))}, "1 would be left; at least 2"),
        ({"every": 19, "frames": (1, 19)}, "1 would be left"),
        ({"interpolate": (1,)}, "Frame 1 has no frame before it"),
        ({"interpolate": (19,), "drop": (20,)}, "Frame 19 has no frame after it"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_with_what_does(
    store: SeriesStore, stored: StoredSeries, asked: dict[str, object], says: str
) -> None:
    with pytest.raises(SettingError, match=says):
        made(store, stored, **asked)
    assert [one.digest for one in store.list()] == [stored.digest]


def test_frames_pass_one_by_one(store: SeriesStore, stored: StoredSeries, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a series is: at most a few prepared frames wait while one is written."""
    alive, most = 0, 0
    real_add = SeriesStore.add

    def counted(series: FrameSeries, recipe: Recipe, index: int) -> Array:
        nonlocal alive, most
        alive += 1
        most = max(most, alive)
        return prepared_frame(series, recipe, index)

    def add(self: SeriesStore, name: str, frames: object, **options: object) -> StoredSeries:
        def taken() -> object:
            nonlocal alive
            for frame in frames:  # type: ignore[attr-defined]
                alive -= 1
                yield frame

        return real_add(self, name, taken(), **options)  # type: ignore[arg-type]

    monkeypatch.setattr("framecast.series.derive.prepared_frame", counted)
    monkeypatch.setattr(SeriesStore, "add", add)
    derive(store, stored.digest, Recipe(grey=True))
    assert alive == 0 and most <= 10


def test_steps_of_many_frames_are_cut_short(tmp_path: Path) -> None:
    series = FrameSeries("a", np.zeros((90, 2, 2, 1), np.uint8), (0.0, 255.0))
    assert steps(Recipe(drop=tuple(range(2, 80))), series)[0].endswith("13 and 66 others left out.")


def test_a_crop_of_two_numbers_is_told_what_it_lacks() -> None:
    with pytest.raises(SettingError, match="it is x, y"):
        Recipe(crop=(1, 2))  # type: ignore[arg-type]
