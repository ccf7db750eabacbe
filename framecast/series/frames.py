"""What a series is, how it is split in time, and at what size a network sees it.

These objects are frozen and check themselves. Frames are never written through them: they may be a memory map of the
store. Nothing here holds a series as float; 400 x 785 x 785 x 3 is 0.69 GiB as uint8 and 2.75 GiB as float32.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np

from framecast.errors import SeriesError, SettingError
from framecast.series.digest import NEWEST, ContentDigest, Kind, of_frame
from framecast.series.lineage import Lineage

Frames = np.ndarray[Any, np.dtype[Any]]
"""(time, height, width, channel), uint8 | uint16 | float32."""

DTYPES = ("uint8", "uint16", "float32")
TEST_FRAMES = 50
CAMERA_BITS = (8, 10, 12, 14, 16)
"""Depths that cameras have; a uint16 series has the range of the smallest one that holds its values."""
LONG_SERIES = 250
"""From this many frames on a series holds back TEST_FRAMES frames by default; a shorter one holds back a fifth."""


@dataclass(frozen=True, eq=False)
class FrameSeries:
    """An ordered, evenly spaced set of frames of one size.

    `frames` is (time, height, width, channel) in uint8, uint16 or float32, finite everywhere; channels are 1 to 4.
    `value_range` is the lowest and highest value the format can hold (0 and 255 for uint8) or, for float data, what was
    chosen at ingest; every metric uses its width as data range. `valid`, where given, is a (height, width) bool mask of the
    pixels that carry data; the others hold one value between those that are seen (`hidden.py`) and never enter a score.
    `made_of` says which frames of which other series these are, where it was prepared from those (`lineage.py`).
    Raises SeriesError where the arrays do not fit this description.
    """

    name: str
    frames: Frames
    value_range: tuple[float, float]
    units: str = "1"
    timestep: timedelta | None = None
    valid: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    made_of: Lineage = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.frames, np.ndarray):
            raise SeriesError(
                f"Series '{self.name}' is a {type(self.frames).__name__}; its frames must be one array of numpy. Stack them."
            )
        if self.frames.ndim != 4 or str(self.frames.dtype) not in DTYPES or not 1 <= self.frames.shape[-1] <= 4:
            raise SeriesError(
                f"Series '{self.name}' is an array {self.frames.shape} of {self.frames.dtype}; frames must be "
                f"(time, height, width, channel) with 1 to 4 channels, in {', '.join(DTYPES)}."
            )
        if not self.value_range[0] < self.value_range[1]:
            raise SeriesError(f"Series '{self.name}' has value range {self.value_range}; the first must be below the second.")
        if self.valid is not None and self.valid.shape != self.frames.shape[1:3]:
            raise SeriesError(f"The mask of series '{self.name}' is {self.valid.shape}, its frames {self.frames.shape[1:3]}.")
        if self.valid is not None and self.valid.dtype != np.bool_:
            raise SeriesError(
                f"The mask of series '{self.name}' holds {self.valid.dtype}; it must hold booleans, true where there are "
                "data. Compare it with something."
            )

    @property
    def n_frames(self) -> int:
        return int(self.frames.shape[0])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def n_channels(self) -> int:
        return int(self.frames.shape[3])

    @property
    def data_range(self) -> float:
        """Width of the value range, in units."""
        return self.value_range[1] - self.value_range[0]

    def head(self, n_frames: int) -> "FrameSeries":
        """The first `n_frames` frames as if no other had been seen: how the test frames are kept from whoever must not see
        them. The value range of uint16 and float32 series, which ingest takes from all frames, is taken from these alone."""
        frames = self.frames[:n_frames]
        if frames.dtype == np.uint8:
            return replace(self, frames=frames)
        low, high = np.inf, -np.inf
        for frame in frames:
            seen = frame if self.valid is None else frame[self.valid]
            low, high = min(low, float(seen.min())), max(high, float(seen.max()))
        if frames.dtype == np.uint16:
            low, high = 0.0, next(2.0**bits - 1 for bits in CAMERA_BITS if high < 2**bits)
        return replace(self, frames=frames, value_range=(low, high if high > low else low + max(1.0, abs(low))))

    def digest(self, kind: Kind = NEWEST) -> str:
        """16 hex digits that name this content: shape, dtype, values, range and mask, not the name (series/digest.py)."""
        digest = ContentDigest(kind, self.frames.shape[1:], self.frames.dtype)
        for frame in self.frames:
            digest.add(of_frame(kind, np.ascontiguousarray(frame)))
        return digest.finish(self.n_frames, self.value_range, self.valid)

    def native(self, values: np.ndarray[Any, Any]) -> Frames:
        """Values as this series would store them: rounded and clipped to the dtype where it is an integer one."""
        if self.frames.dtype == np.float32:
            return values.astype(np.float32, copy=False)
        top = np.iinfo(self.frames.dtype).max
        rounded = np.rint(values)
        native: Frames = np.clip(rounded, 0, top, out=rounded).astype(self.frames.dtype)
        return native


@dataclass(frozen=True)
class Split:
    """Consecutive, disjoint ranges of frame indices: train, then validation, then test. Raises SettingError otherwise."""

    train: range
    valid: range
    test: range

    def __post_init__(self) -> None:
        parts = (self.train, self.valid, self.test)
        if any(part.step != 1 for part in parts) or self.train.start != 0:
            raise SettingError(f"A split is three runs of consecutive frames from frame 0; this one is {parts}.")
        if self.train.stop != self.valid.start or self.valid.stop != self.test.start:
            raise SettingError(f"The parts of a split follow each other without gap or overlap; these are {parts}.")
        if len(self.train) < 2:
            raise SettingError(
                f"{self.n_frames} frames with {len(self.valid)} for validation and {len(self.test)} for the test leave "
                f"{len(self.train)} to train on; at least 2 are needed. Hold back fewer frames."
            )

    @property
    def n_frames(self) -> int:
        return self.test.stop

    @property
    def horizon(self) -> int:
        """Number of leads that are scored: the whole test part, forecast from the last frame before it."""
        return len(self.test)

    @property
    def origin(self) -> int:
        """Index of the last observed frame before the test."""
        return self.test.start - 1

    @classmethod
    def of(cls, n_frames: int, n_test: int | None = None, n_valid: int | None = None) -> "Split":
        """The split of a series of `n_frames`. By default the last 50 frames are the test, or the last fifth of a series
        shorter than 250, and as many frames before them, at most a third of the rest, are for validation."""
        if n_test is None:
            n_test = TEST_FRAMES if n_frames >= LONG_SERIES else -(-n_frames // 5)
        if n_frames < 3:
            raise SettingError(
                f"The series has {n_frames} frames; at least 3 are needed, 2 to train on and 1 to forecast. Add frames."
            )
        if not 1 <= n_test <= n_frames - 2:
            raise SettingError(
                f"The series has {n_frames} frames and {n_test} are to be held back as the test; at least 2 must remain to "
                f"train on. Choose a test of 1 to {n_frames - 2} frames, or add frames."
            )
        rest = n_frames - n_test
        if n_valid is None:
            n_valid = min(n_test, rest // 3)
        if not 0 <= n_valid <= rest - 2:
            way = f"0 to {rest - 2} validation frames" if rest > 2 else "no validation frames, or a shorter test"
            raise SettingError(
                f"{rest} frames lie before the test and {n_valid} of them are to be for validation; at least 2 must remain to "
                f"train on. Choose {way}."
            )
        start = rest - n_valid
        return cls(range(start), range(start, rest), range(rest, n_frames))

    def to_mapping(self) -> dict[str, list[int]]:
        return {name: [part.start, part.stop] for name, part in vars(self).items()}

    @classmethod
    def from_mapping(cls, values: dict[str, list[int]]) -> "Split":
        return cls(**{name: range(*bounds) for name, bounds in values.items()})


@dataclass(frozen=True)
class Preparation:
    """What a network sees of each frame. `size` is the shorter side in pixels, None for native; never enlarges."""

    size: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 1:
            raise SettingError(f"The working size is {self.size}; it is the shorter side in pixels, at least 1.")

    def working_shape(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) a network sees of a native frame of this height and width, aspect kept."""
        short = min(height, width)
        if self.size is None or self.size >= short:
            return height, width
        scale = self.size / short
        return max(1, round(height * scale)), max(1, round(width * scale))
