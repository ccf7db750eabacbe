"""What is plain is read, what is open is asked, and what is chosen is done to the letter."""

import io
from typing import Any

import numpy as np
import pytest

from framecast.errors import ChoiceNeededError, SeriesError, SettingError
from framecast.series.ingest import Upload, Wanted, ingest, look
from framecast.series.readers.axes import Layout, guessed, named
from framecast.series.store import SeriesStore
from tests.series.files import Array, encoded, pictures

FIRST, LAST = ("THWC", "TCHW", "HWCT"), ("HWCT", "HWTC", "THWC")


def npy(array: Array) -> Upload:
    stream = io.BytesIO()
    np.save(stream, array)
    return Upload.from_bytes("a.npy", stream.getvalue())


@pytest.mark.parametrize(
    ("shape", "customs", "guess"),
    [
        ((400, 785, 785), FIRST, "THW"),
        ((785, 785, 400), LAST, "HWT"),
        ((64, 33, 36), FIRST, "THW"),
        ((100, 1, 1), FIRST, "THW"),
        ((10, 3, 20_000), FIRST, "THW"),
        ((785, 785, 400), FIRST, None),
        ((400, 785, 785), LAST, None),
        ((785, 785, 3), FIRST, None),
        ((785, 785, 3), LAST, None),
        ((400, 785, 785, 3), FIRST, "THWC"),
        ((400, 3, 785, 785), FIRST, "TCHW"),
        ((785, 785, 3, 400), FIRST, "HWCT"),
        ((785, 785, 3, 400), LAST, "HWCT"),
        ((785, 785, 400, 3), LAST, None),
        ((50, 1, 1, 3), FIRST, "THWC"),
        ((20, 5, 64, 64), FIRST, None),
        ((1, 400, 64, 64, 1), FIRST, "1,T,H,W,1"),
        ((1, 400, 64, 64, 3), FIRST, "1,T,H,W,C"),
        ((20, 5, 6, 64, 64), FIRST, None),
        ((7,), FIRST, None),
    ],
)
def test_an_array_is_read_where_its_shape_agrees_with_the_custom(
    shape: tuple[int, ...], customs: tuple[str, ...], guess: str | None
) -> None:
    found, options = guessed(shape, customs)
    assert (None if found is None else str(found)) == guess
    assert found is None or found in options
    for option in options:
        assert Layout.parse(str(option)) == option and option.check("'a'", shape) is option


@pytest.mark.parametrize(
    ("names", "shape", "guess", "options"),
    [
        ("THW", (9, 20, 30), "THW", ["THW"]),
        ("?HW", (9, 20, 30), "THW", ["THW"]),
        ("ZHW", (9, 20, 30), None, ["THW"]),
        ("TZHW", (9, 5, 20, 30), None, ["T,1,H,W", "1,T,H,W"]),
        ("TZHW", (9, 1, 20, 30), "T,1,H,W", ["T,1,H,W"]),
        ("TCHW", (9, 3, 20, 30), "TCHW", ["TCHW"]),
        ("TCHW", (9, 12, 20, 30), None, ["T,1,H,W", "1,T,H,W"]),
        ("CHW", (3, 20, 30), None, ["THW"]),
        ("HW", (20, 30), None, []),
    ],
)
def test_names_of_axes_count_more_than_their_order(
    names: str, shape: tuple[int, ...], guess: str | None, options: list[str]
) -> None:
    found, possible = named(names, shape)
    assert (None if found is None else str(found)) == guess and [str(option) for option in possible] == options


@pytest.mark.parametrize("text", ["", "HWC", "TTHW", "THWX", "T,0,H,W", "T,H", "THWC<b>", "T,-1,H,W", "1,2,3"])
def test_axes_that_say_nothing_are_refused(text: str) -> None:
    with pytest.raises(SeriesError, match="one letter an axis|are given as"):
        Layout.parse(text)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("axes", ["THWC", "HWTC", "CWHT", "WCTH", "T,2,H,W", "2,H,W,T", "H,W,T,3"])
def test_any_order_can_be_asked_for(store: SeriesStore, axes: str, order: Any) -> None:
    lengths = {"T": 6, "H": 9, "W": 7, "C": 3}
    layout = Layout.parse(axes)
    shape = [lengths[role] if isinstance(role, str) else 4 for role in layout.roles]
    array = np.asarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), order=order)
    cut = array[tuple(role if isinstance(role, int) else slice(None) for role in layout.roles)]
    letters = [role for role in layout.roles if isinstance(role, str)]
    expected = cut.transpose([letters.index(letter) for letter in "THWC" if letter in letters])
    found = store.open(ingest(npy(array), store, axes=axes).digest).frames
    assert np.array_equal(found, expected if "C" in letters else expected[..., None])


def test_what_is_looked_at_is_what_can_be_chosen(store: SeriesStore) -> None:
    array = np.random.default_rng(0).integers(0, 256, (5, 4, 2, 8, 9), dtype=np.uint8)
    (part,) = look(npy(array)).parts
    assert part.in_words == "uint8 5 x 4 x 2 x 8 x 9" and part.guess is None
    for option in part.options:
        if option.length("T", part.shape) < 2:
            continue
        stored = ingest(npy(array), store, axes=str(option))
        assert (stored.n_frames, stored.height, stored.width) == (option.length("T", part.shape), 8, 9)
        assert f"{stored.n_frames} frames of 9 x 8" in option.in_words(part.shape)
    assert look(pictures(array[:, 0, 0])).parts == ()


def test_axes_that_do_not_fit_are_refused(store: SeriesStore, frames: Array) -> None:
    with pytest.raises(SeriesError, match=r"axes THW are 3 and 'a.npy' is an array 6 x 9 x 7 x 3 with 4"):
        ingest(npy(frames), store, axes="THW")
    with pytest.raises(SeriesError, match=r"have 9 channels"):
        ingest(npy(frames), store, axes="TCHW")
    with pytest.raises(SettingError, match="has neither"):
        ingest(pictures(frames), store, axes="THW")


@pytest.mark.parametrize(("start", "stop", "every"), [(0, None, 2), (1, 5, 1), (2, None, 3), (0, 100, 1)])
def test_a_part_of_the_frames(store: SeriesStore, frames: Array, start: int, stop: int | None, every: int) -> None:
    wanted = Wanted(start, stop, every)
    moving = encoded_animation(frames)
    for source in (npy(frames), npy(np.asfortranarray(frames)), pictures(frames), moving):
        stored = ingest(source, store, wanted=wanted)
        assert np.array_equal(store.open(stored.digest).frames, frames[start:stop:every])
    assert store.list()[0].n_frames == wanted.count(len(frames))


@pytest.mark.parametrize(
    ("shape", "likeliest"), [((6, 20, 30, 5), "T,H,W,1"), ((6, 5, 20, 30), "T,1,H,W"), ((20, 30, 5, 6), "H,W,1,T")]
)
def test_of_more_channels_than_a_frame_has_one_is_offered(shape: tuple[int, ...], likeliest: str) -> None:
    found, options = guessed(shape, ("THWC", "TCHW", "HWCT"))
    assert found is None and str(options[0]) == likeliest and len(set(options)) == len(options)


def test_no_frames_wanted(store: SeriesStore, frames: Array) -> None:
    for start, stop, every in ((-1, None, 1), (3, 3, 1), (0, None, 0)):
        with pytest.raises(SettingError, match="counts from 1"):
            Wanted(start, stop, every)
    with pytest.raises(SeriesError, match="none of them is there"):
        ingest(npy(frames), store, wanted=Wanted(6))


SIZES: list[tuple[str, tuple[int, int]]] = [("crop", (8, 6)), ("pad", (9, 7)), ("resize", (9, 7))]


@pytest.mark.parametrize(("way", "size"), SIZES)
def test_pictures_of_several_sizes_are_brought_to_one_as_asked(
    store: SeriesStore, frames: Array, way: str, size: tuple[int, int]
) -> None:
    files = pictures(frames)
    files[2] = Upload.from_bytes(files[2].name, encoded(frames[2, :8, :6]))
    with pytest.raises(ChoiceNeededError) as raised:
        ingest(files, store)
    assert raised.value.sizes == ("crop", "pad", "resize")
    stored = ingest(files, store, sizes=way)
    found = store.open(stored.digest).frames
    assert found.shape[1:3] == size and f"to {size[1]} x {size[0]}, as asked for" in stored.warnings[0]
    if way == "crop":
        assert np.array_equal(found[2], frames[2, :8, :6]) and np.array_equal(found[0], frames[0, :8, :6])
    else:
        assert np.array_equal(found[0], frames[0])
    if way == "pad":
        assert np.array_equal(found[2, :8, :6], frames[2, :8, :6]) and not found[2, 8:].any() and not found[2, :, 6:].any()
    with pytest.raises(SettingError, match="choose one of: crop, pad, resize"):
        ingest(files, store, sizes="stretch")


def gappy() -> Array:
    values = np.random.default_rng(0).normal(0, 1, (8, 6, 5))
    values[:, 0, 0] = np.nan
    values[2:4, 1, 1] = np.nan
    values[:3, 2, 2] = np.nan
    values[5:, 3, 3] = np.nan
    return values


def test_every_pixel_that_is_ever_missing_is_masked_as_asked(store: SeriesStore) -> None:
    values = gappy()
    with pytest.raises(ChoiceNeededError) as raised:
        ingest(npy(values), store)
    assert raised.value.missing == ("mask", "interpolate") and "13.3 % of them" in str(raised.value)
    stored = ingest(npy(values), store, missing="mask")
    series = store.open(stored.digest)
    valid = ~np.isnan(values).any(axis=0)
    assert series.valid is not None and np.array_equal(series.valid, valid)
    assert np.array_equal(series.frames[:, valid, 0], values[:, valid].astype(np.float32))
    assert "as asked for" in stored.warnings[0] and "missing (NaN) at some time" in stored.warnings[1]


def test_gaps_are_filled_in_time_as_asked(store: SeriesStore) -> None:
    values = gappy()
    stored = ingest(npy(values), store, missing="interpolate")
    series = store.open(stored.digest)
    assert series.valid is not None and np.argwhere(~series.valid).tolist() == [[0, 0]]
    there = ~np.isnan(values)
    assert np.array_equal(series.frames[..., 0][there], values[there].astype(np.float32))
    found = series.frames[..., 0]
    for y, x in ((1, 1), (2, 2), (3, 3)):
        known = np.flatnonzero(there[:, y, x])
        assert np.allclose(found[:, y, x], np.interp(np.arange(8), known, values[known, y, x]), atol=1e-6)
    assert series.digest() == stored.digest and "between the frames before and after" in stored.warnings[0]


def test_no_gap_is_filled_across_the_border_to_the_test(store: SeriesStore) -> None:
    """Of 20 frames the last 4 are the test by default. Whatever they show, the frames before are the same."""
    values = np.random.default_rng(0).normal(300, 5, (20, 6, 5))
    values[:, 0, 0] = np.nan
    values[13:18, 1, 1] = np.nan  # a gap across the border
    values[15, 2, 2] = values[16, 3, 3] = np.nan  # just before it, just after
    values[:17, 4, 4] = np.nan  # nothing before the test
    values[16:, 5, 4] = np.nan  # nothing in it
    other = values.copy()
    other[16:] += 100
    one, two = (store.open(ingest(npy(each), store, missing="interpolate").digest).frames[..., 0] for each in (values, other))
    seen = np.ones((6, 5), bool)
    seen[0, 0] = False
    assert np.array_equal(one[:16, seen], two[:16, seen])
    assert np.allclose(one[13:16, 1, 1], values[12, 1, 1]) and np.allclose(one[16:18, 1, 1], values[18, 1, 1])
    assert np.isclose(one[15, 2, 2], values[14, 2, 2]) and np.isclose(one[16, 3, 3], values[17, 3, 3])
    assert np.allclose(one[:16, 4, 4], np.nanmean(values[:16])) and np.allclose(one[16:, 5, 4], values[15, 5, 4])
    said = store.list()[0].warnings[0]
    assert "No gap was filled across the border to the last 4 frames, which are the test by default" in said


def test_a_channel_that_begins_in_the_test_shows_none_of_its_pictures_before(store: SeriesStore) -> None:
    values = np.random.default_rng(0).normal(300, 5, (20, 6, 5, 2))
    values[:17, ..., 1] = np.nan
    series = store.open(ingest(npy(values), store, axes="THWC", missing="interpolate").digest)
    assert np.allclose(series.frames[:16, ..., 1], np.nanmean(values[..., 1]))
    assert np.allclose(series.frames[17:], values[17:]) and np.allclose(series.frames[:16, ..., 0], values[:16, ..., 0])


def test_what_fills_gaps_between_whole_numbers_is_rounded(store: SeriesStore) -> None:
    values = np.random.default_rng(0).integers(0, 256, (8, 6, 5)).astype(float)
    values[0, 1, 1], values[1:4, 1, 1], values[4, 1, 1] = 100, np.nan, 107
    series = store.open(ingest(npy(values), store, missing="interpolate").digest)
    assert series.frames.dtype == np.uint8 and series.frames[:5, 1, 1, 0].tolist() == [100, 102, 104, 105, 107]


def test_a_mask_that_would_leave_nothing_is_refused(store: SeriesStore) -> None:
    values = np.random.default_rng(0).random((4, 3, 5))
    values[0, :2], values[1, 2] = np.nan, np.nan
    with pytest.raises(SeriesError, match="would leave none"):
        ingest(npy(values), store, missing="mask")


def encoded_animation(frames: Array) -> Upload:
    from PIL import Image

    images = [Image.fromarray(frame) for frame in frames]
    stream = io.BytesIO()
    images[0].save(stream, "PNG", save_all=True, append_images=images[1:])
    return Upload.from_bytes("a.png", stream.getvalue())
