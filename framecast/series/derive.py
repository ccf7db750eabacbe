"""A series made from another one: cropped, reduced, grey, thinned, without frames that do not belong.

The result is a series of its own, stored once under the digest of its content, so that scores and everything after them need
no special case; what it was made from and how is kept with it. Frames pass one by one. What only concerns a network, its
working size, is no preparation of this kind (Preparation in series/frames.py).
"""

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from framecast.errors import SettingError
from framecast.series.filling import first_of_test
from framecast.series.frames import FrameSeries, Preparation
from framecast.series.lineage import made_of
from framecast.series.look_ahead import in_order
from framecast.series.preparation import reduce_frames
from framecast.series.readers.contract import Frame, Progress
from framecast.series.store import SeriesStore, StoredSeries
from framecast.series.values import FROM_VALUES
from framecast.series.writing import MIN_FRAMES, range_of_values

Array = np.ndarray[Any, np.dtype[Any]]

_GREY = (0.299, 0.587, 0.114)
"""What red, green and blue add to brightness (ITU-R BT.601, as Pillow has it)."""


@dataclass(frozen=True)
class Recipe:
    """What is done to a series. Frames are counted from 1, as everywhere a person sees them, and always by their number in the
    series that is prepared; crop comes before grey, grey before size. Raises SettingError on what no series could be given."""

    crop: tuple[int, int, int, int] | None = None
    """x and y of the upper left corner, width and height, in pixels."""
    size: int | None = None
    """The shorter side after cropping, in pixels; frames are never enlarged."""
    grey: bool = False
    every: int = 1
    """Every n-th frame, from the first of the range on."""
    frames: tuple[int, int] | None = None
    """First and last frame that is kept."""
    drop: tuple[int, ...] = ()
    interpolate: tuple[int, ...] = ()
    """Frames to be replaced by what lies between their neighbours in time."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "drop", tuple(sorted(set(self.drop))))
        object.__setattr__(self, "interpolate", tuple(sorted(set(self.interpolate) - set(self.drop))))
        if self.every < 1:
            raise SettingError(f"Every {self.every}th frame is to be kept; that must be 1 (all) or more. Choose 1 or more.")
        if self.size is not None and self.size < 1:
            raise SettingError(f"The size is {self.size}; it is the shorter side in pixels. Choose 1 or more.")
        if self.crop is not None and (len(self.crop) != 4 or min(self.crop[:2]) < 0 or min(self.crop[2:]) < 1):
            raise SettingError(
                f"The crop is {_numbers(self.crop)}; it is x, y (0 or more), width and height (1 or more)."
            )
        if self.frames is not None and not 1 <= self.frames[0] <= self.frames[1]:
            raise SettingError(
                f"The frames are {self.frames[0]} to {self.frames[1]}; the first must be 1 or more and not after the last."
            )

    @property
    def does_nothing(self) -> bool:
        return self == Recipe()


def derive(
    store: SeriesStore, digest: str, recipe: Recipe, *, name: str | None = None, progress: Progress | None = None
) -> StoredSeries:
    """Make and store the series that `recipe` makes of a stored one; content that is stored already is returned as it
    is, but that what was not known of its lineage is kept.

    Raises SettingError, with what would fit, where the recipe does not fit the series; StorageError where the disk is full.
    """
    stored, series = store.info(digest), store.open(digest)
    indices = kept_frames(recipe, series)
    names, times = store.names(digest), store.times(digest)
    value_range, range_note = _value_range(store, stored, recipe, indices)
    lineage = made_of(stored.digest, series.made_of, indices)
    with closing(in_order(partial(prepared_frame, series, recipe), indices)) as frames:
        made = store.add(
            name or f"{stored.name[:60]}, {summary(recipe, series)}",
            frames,
            value_range=value_range,
            units=series.units,
            timestep=None if series.timestep is None else series.timestep * recipe.every,
            valid=prepared_mask(series, recipe),
            expected=len(indices),
            progress=progress,
            source=f"Prepared from {stored.name}",
            warnings=[*_notes(indices, recipe), *range_note],
            names=[names[index] for index in indices] if names else (),
            times=[times[index] for index in indices] if times else (),
            made_from=stored.digest,
            steps=steps(recipe, series),
            made_of=lineage,
        )
    return store.note_lineage(made, lineage)


def kept_frames(recipe: Recipe, series: FrameSeries) -> list[int]:
    """Indices, from 0, of the frames of `series` that the recipe keeps. Raises SettingError where it cannot be followed."""
    n_frames = series.n_frames
    _check(recipe, series)
    kept = _kept(recipe, n_frames)
    if len(kept) < MIN_FRAMES:
        raise SettingError(
            f"Of {n_frames} frames of '{series.name}' {len(kept)} would be left; at least {MIN_FRAMES} are needed. Keep more."
        )
    for number in recipe.interpolate:
        if number - 1 in kept:
            _neighbours(recipe, n_frames, number - 1)
    return kept


def prepared_frame(series: FrameSeries, recipe: Recipe, index: int) -> Frame:
    """Frame `index`, from 0, of `series` as the recipe makes it: (height, width, channel) in the dtype of the series."""
    frame = np.asarray(series.frames[index])
    if index + 1 in recipe.interpolate:
        before, after = _neighbours(recipe, series.n_frames, index)
        crosses = _crosses_into_test(recipe, series, index)
        share = 0.0 if crosses else (index - before) / (after - before)
        frame = series.native((1 - share) * series.frames[before].astype(np.float64) + share * series.frames[after])
    valid = series.valid
    if recipe.crop is not None:
        x, y, width, height = recipe.crop
        frame = frame[y : y + height, x : x + width]
        valid = None if valid is None else valid[y : y + height, x : x + width]
    if recipe.grey and series.n_channels > 1:
        frame = series.native(_brightness(frame))
    return _reduced(frame, recipe, series, valid)


def prepared_mask(series: FrameSeries, recipe: Recipe) -> Array | None:
    """Which pixels of the prepared frames carry data: those of whose area at least half does."""
    if series.valid is None:
        return None
    x, y, width, height = recipe.crop or (0, 0, series.width, series.height)
    valid = series.valid[y : y + height, x : x + width]
    shape = Preparation(recipe.size).working_shape(height, width)
    covered: Array = reduce_frames(valid[None, ..., None].astype(np.float32), shape)[0, ..., 0] >= 0.5
    if not covered.any():
        raise SettingError(f"No pixel of this crop of '{series.name}' carries data. Crop where there is some.")
    return None if covered.all() else covered


def steps(recipe: Recipe, series: FrameSeries) -> tuple[str, ...]:
    """What the recipe does, one sentence each, in order."""
    said = []
    if recipe.interpolate:
        said.append(f"{_frames(recipe.interpolate)} replaced by what lies between the neighbours in time.")
        kept = set(_kept(recipe, series.n_frames))
        if crossing := tuple(n for n in recipe.interpolate if n - 1 in kept and _crosses_into_test(recipe, series, n - 1)):
            said.append(f"{_frames(crossing)} by the one before alone, since the test begins there by default.")
    if recipe.frames is not None:
        said.append(f"Frames {recipe.frames[0]:,} to {recipe.frames[1]:,} of {series.n_frames:,} kept.")
    if recipe.every > 1:
        said.append(f"One frame in {recipe.every:,} kept.")
    if recipe.drop:
        said.append(f"{_frames(recipe.drop)} left out.")
    if recipe.crop is not None:
        x, y, width, height = recipe.crop
        said.append(f"Cropped to {width} × {height} pixels, the upper left corner at x {x}, y {y}.")
    if recipe.grey and series.n_channels > 1:
        said.append("Made grey.")
    if recipe.size is not None:
        height, width = prepared_shape(recipe, series)
        said.append(f"Reduced to {width} × {height} pixels by area averaging.")
    return tuple(said)


def summary(recipe: Recipe, series: FrameSeries) -> str:
    """A few words for a name: '100 × 80 px, grey, every 2nd, frames 1 to 90, without 2 frames'."""
    height, width = prepared_shape(recipe, series)
    words = []
    if (height, width) != (series.height, series.width):
        words.append(f"{width} × {height} px")
    if recipe.grey and series.n_channels > 1:
        words.append("grey")
    if recipe.frames is not None:
        words.append(f"frames {recipe.frames[0]} to {recipe.frames[1]}")
    if recipe.every > 1:
        words.append(f"one in {recipe.every}")
    if n_mended := len(recipe.drop) + len(recipe.interpolate):
        words.append(f"{n_mended} mended")
    return ", ".join(words) or "prepared"


def prepared_shape(recipe: Recipe, series: FrameSeries) -> tuple[int, int]:
    """(height, width) of the prepared frames."""
    width, height = (series.width, series.height) if recipe.crop is None else recipe.crop[2:]
    return Preparation(recipe.size).working_shape(height, width)


def inside(crop: tuple[int, int, int, int], series: FrameSeries) -> tuple[int, int, int, int]:
    """The part of a crop that lies in the frame, at least one pixel of it."""
    x, y, width, height = crop
    left, top = min(max(0, x), series.width - 1), min(max(0, y), series.height - 1)
    return left, top, max(1, min(x + width, series.width) - left), max(1, min(y + height, series.height) - top)


def _check(recipe: Recipe, series: FrameSeries) -> None:
    n_frames = series.n_frames
    if recipe.does_nothing:
        raise SettingError("Nothing is to be changed; at least one step is needed. Choose a crop, a size, or frames.")
    if recipe.crop is not None and inside(recipe.crop, series) != recipe.crop:
        raise SettingError(
            f"The crop {_numbers(recipe.crop)} (x, y, width, height) reaches beyond the frame of {series.width} × "
            f"{series.height} pixels. Choose one inside, as {_numbers(inside(recipe.crop, series))}."
        )
    shape = prepared_shape(replace(recipe, size=None), series)
    if recipe.size is not None and recipe.size > min(shape):
        raise SettingError(
            f"The size is {recipe.size} and the shorter side has {min(shape)} pixels; frames are never enlarged. Choose "
            f"{min(shape)} or less."
        )
    numbers = [*(recipe.frames or ()), *recipe.drop, *recipe.interpolate]
    if outside := [number for number in numbers if not 1 <= number <= n_frames]:
        raise SettingError(f"There is no frame {outside[0]} in '{series.name}'; it has frames 1 to {n_frames}. Choose those.")


def _neighbours(recipe: Recipe, n_frames: int, index: int) -> tuple[int, int]:
    """The nearest frames before and after `index` that are neither left out nor replaced themselves."""
    away = {number - 1 for number in (*recipe.drop, *recipe.interpolate)}
    before = next((other for other in range(index - 1, -1, -1) if other not in away), None)
    after = next((other for other in range(index + 1, n_frames) if other not in away), None)
    if before is None or after is None:
        side = "before" if before is None else "after"
        raise SettingError(
            f"Frame {index + 1} has no frame {side} it to be replaced from; one on each side is needed. Leave it out instead."
        )
    return before, after


def _crosses_into_test(recipe: Recipe, series: FrameSeries, index: int) -> bool:
    """Whether what lies between the neighbours of `index` would show, before the test that the prepared series has by default,
    something later."""
    return index <= _last_known(recipe, series.n_frames) < _neighbours(recipe, series.n_frames, index)[1]


@lru_cache(maxsize=8)
def _last_known(recipe: Recipe, n_frames: int) -> int:
    """Index in the series that is prepared of the last frame before what will be the test by default."""
    kept = _kept(recipe, n_frames)
    return (n_frames, *kept)[first_of_test(len(kept))]


def _kept(recipe: Recipe, n_frames: int) -> list[int]:
    (first, last), gone = recipe.frames or (1, n_frames), set(recipe.drop)
    return [number - 1 for number in range(first, last + 1, recipe.every) if number not in gone]


def _brightness(frame: Frame) -> Array:
    """(height, width, 1) float64: brightness of colours, the mean of two channels."""
    weights = np.array(_GREY if frame.shape[-1] >= 3 else (0.5, 0.5))
    brightness: Array = np.asarray(frame[..., : len(weights)] @ weights)[..., None]
    return brightness


def _reduced(frame: Frame, recipe: Recipe, series: FrameSeries, valid: Array | None) -> Frame:
    shape = Preparation(recipe.size).working_shape(*frame.shape[:2])
    if shape == frame.shape[:2]:
        return np.ascontiguousarray(frame)
    if valid is None or valid.all():
        reduced: Frame = reduce_frames(np.ascontiguousarray(frame)[None], shape)[0]
        return reduced
    weight = reduce_frames(valid[None, ..., None].astype(np.float32), shape)[0]
    total = reduce_frames(np.where(valid[..., None], frame, 0).astype(np.float32)[None], shape)[0]
    filling = float(frame[~valid].flat[0])
    return series.native(np.where(weight >= 0.5, total / np.maximum(weight, 1e-6), filling))


def _value_range(
    store: SeriesStore, stored: StoredSeries, recipe: Recipe, indices: list[int]
) -> tuple[tuple[float, float], list[str]]:
    """The value range of the prepared series, and what is to be said of it. A frame that was never written may have set the
    range of all; it goes with that frame. Parts and sizes of the same frames share a range, and so compare."""
    all_kept = len(indices) == stored.n_frames and not recipe.interpolate
    if all_kept or stored.dtype == "uint8" or not _is_from_values(store, stored):
        return stored.value_range, []
    series, whole = store.open(stored.digest), replace(recipe, crop=None, size=None, grey=False)
    low, high = np.inf, -np.inf
    for index in indices:
        frame = prepared_frame(series, whole, index)
        seen = frame if series.valid is None else frame[series.valid]
        low, high = min(low, float(seen.min())), max(high, float(seen.max()))
    found = range_of_values(frame.dtype, low, high)
    if found == stored.value_range:
        return found, []
    now, before = (f"{bottom:.6g} to {top:.6g}" for bottom, top in (found, stored.value_range))
    return found, [
        f"The value range was taken anew from the frames that are kept: {now} in place of {before}; scores that need "
        "a data range (SSIM, PSNR) use it."
    ]


def _is_from_values(store: SeriesStore, stored: StoredSeries) -> bool:
    """Whether nobody declared the value range: it is the extent of the values of this series or, as a crop keeps the range, of
    one that it was prepared from."""
    known = {one.digest: one for one in store.list()}
    one: StoredSeries | None = stored
    while one is not None and one.value_range == stored.value_range:
        if one.value_range == range_of_values(np.dtype(one.dtype), one.low, one.high):
            return True
        if any(FROM_VALUES in note for note in one.warnings):  # also of values that a mask hides by now
            return True
        one = known.get(one.made_from)
    return False


def _notes(indices: list[int], recipe: Recipe) -> list[str]:
    note = "A frame that was replaced knows the one after it; begin no test between the two."
    replaced = [note] if recipe.interpolate else []
    pairs = enumerate(zip(indices[:-1], indices[1:], strict=True), 1)
    gaps = [place for place, (earlier, later) in pairs if later - earlier != recipe.every]
    if not gaps:
        return replaced
    return [
        *replaced,
        f"Frames were left out after frame {gaps[0]:,}, so not all steps in time are equal any more; forecasters take them as "
        "equal."
    ]


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def _frames(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(f"{number:,}" for number in numbers[:12])
    more = f" and {len(numbers) - 12} others" if len(numbers) > 12 else ""
    return f"{'Frame' if len(numbers) == 1 else 'Frames'} {shown}{more}"
