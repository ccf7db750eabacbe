"""What each axis of an array means: a layout, written as letters, guessed from a format's custom or chosen by a person.

A guess is made only where the shape agrees with the custom and no other reading of it is likely. Everything else is asked: an
array read along the wrong axis gives frames that look like noise, or worse, like frames.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np

from framecast.errors import SeriesError
from framecast.series.readers.contract import Wanted, check_size

Array = np.ndarray[Any, np.dtype[Any]]

WORDS = {"T": "time", "H": "height", "W": "width", "C": "channel"}
FEW = 4
"""As many channels as a frame can have. An axis this short is no height, no width and no time where another reading fits."""
MOST_OPTIONS = 24
BLOCK_BYTES = 2**25


@dataclass(frozen=True)
class Layout:
    """One entry an axis, in the order of the array: "T", "H", "W", "C", or the index (from 0) at which the axis is cut."""

    roles: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """"THWC", or with commas where an axis is cut: "T,3,H,W" takes the third slice of the second axis."""
        parts = [part.strip().upper() for part in text.split(",")] if "," in text else list(text.strip().upper())
        roles = tuple(int(part) - 1 if re.fullmatch(r"[0-9]{1,9}", part) else part for part in parts)
        letters = [role for role in roles if isinstance(role, str)]
        known = set(letters) <= set(WORDS) and len(set(letters)) == len(letters) and {"T", "H", "W"} <= set(letters)
        if not known or any(isinstance(role, int) and role < 0 for role in roles):
            raise SeriesError(
                f"The axes are given as '{text[:40]}'; they are one letter an axis, T for time, H for height, W for width and "
                "C for channel, or the number of a slice, counted from 1: THWC, or T,3,H,W. Write them so."
            )
        return cls(roles)

    def __str__(self) -> str:
        words = [str(role + 1) if isinstance(role, int) else role for role in self.roles]
        return ",".join(words) if any(isinstance(role, int) for role in self.roles) else "".join(words)

    def place(self, letter: str) -> int:
        return self.roles.index(letter)

    def length(self, letter: str, shape: Sequence[int]) -> int:
        return shape[self.place(letter)] if letter in self.roles else 1

    def frame_shape(self, shape: Sequence[int]) -> tuple[int, int, int]:
        """(height, width, channel) of the frames of an array of this shape."""
        return self.length("H", shape), self.length("W", shape), self.length("C", shape)

    def in_words(self, shape: Sequence[int]) -> str:
        """'400 frames of 785 x 785, 3 channels, slice 3 of 12' (width x height, as everywhere)."""
        height, width, n_channels = self.frame_shape(shape)
        n_frames = self.length("T", shape)
        cuts = [
            f"slice {role + 1} of {length}"
            for role, length in zip(self.roles, shape, strict=True)
            if isinstance(role, int) and length > 1
        ]
        return ", ".join(
            [
                f"{n_frames} frame{'s' * (n_frames != 1)} of {width} x {height}",
                *([f"{n_channels} channel{'s' * (n_channels != 1)}"] if "C" in self.roles else []),
                *cuts,
            ]
        )

    def check(self, label: str, shape: Sequence[int], itemsize: int = 1) -> Self:
        """Raises SeriesError where an array of this shape cannot be read so."""
        if len(shape) != len(self.roles):
            raise SeriesError(
                f"The axes {self} are {len(self.roles)} and {label} is an array {in_words(shape)} with {len(shape)}; one "
                "letter an axis is needed. Write them again."
            )
        for role, length in zip(self.roles, shape, strict=True):
            if isinstance(role, int) and role >= length:
                raise SeriesError(f"Slice {role + 1} of {label} was asked for and there are {length}. Choose one of them.")
        if self.length("T", shape) < 1:
            raise SeriesError(f"{label} is an array {in_words(shape)} without a frame; at least 2 are needed. Save it again.")
        check_size(label, *self.frame_shape(shape), itemsize=itemsize)
        return self

    def frames_first(self, array: Array) -> Array:
        """A view of the whole array, or of any stretch of its time, as (time, height, width, channel)."""
        kept = array[tuple(role if isinstance(role, int) else slice(None) for role in self.roles)]
        letters = [role for role in self.roles if isinstance(role, str)]
        ordered = kept.transpose([letters.index(letter) for letter in "THWC" if letter in letters])
        return ordered if "C" in letters else ordered[..., None]

    def blocks(self, array: Any, wanted: Wanted) -> Iterator[Array]:
        """The wanted frames of anything that numpy or h5py can cut, a few at a time, so that an array of frames laid crosswise
        is not gone through once a frame."""
        shape, time = array.shape, self.place("T")
        n_frames = shape[time]
        frame_bytes = int(np.prod(self.frame_shape(shape), dtype=np.int64)) * array.dtype.itemsize
        step = max(1, BLOCK_BYTES // max(1, frame_bytes))
        stop = n_frames if wanted.stop is None else min(n_frames, wanted.stop)
        rest = Layout(tuple(role for role in self.roles if isinstance(role, str)))
        for start in range(wanted.start, stop, step * wanted.every):
            chosen: list[int | slice] = [role if isinstance(role, int) else slice(None) for role in self.roles]
            chosen[time] = slice(start, min(stop, start + step * wanted.every), wanted.every)
            yield rest.frames_first(np.asarray(array[tuple(chosen)]))


def in_words(shape: Sequence[int]) -> str:
    return " x ".join(str(length) for length in shape) or "of one number"


def guessed(shape: Sequence[int], customs: Sequence[str]) -> tuple[Layout | None, list[Layout]]:
    """The layout that the shape and the format's customs agree on, None where they do not or several are likely; and all that
    are possible, likeliest first.

    `customs`: orders of four axes, the usual one first; three axes are the usual ones without channels.
    """
    usual = customs[0]
    three = Layout(tuple(usual.replace("C", "")))
    if len(shape) == 3:
        other = Layout(tuple("HWT" if three.place("T") == 0 else "THW"))
        colour_picture = shape[2] in (3, 4)
        equal = [i for i in range(3) if shape[(i + 1) % 3] == shape[(i + 2) % 3]]
        odd_elsewhere = len(equal) == 1 and equal[0] != three.place("T")
        options = [other, three] if odd_elsewhere and not colour_picture else [three, other]
        return (None if colour_picture or odd_elsewhere else three), options
    if len(shape) == 4:
        fitting = [Layout(tuple(order)) for order in customs if _fits(shape, order, order == usual)]
        if fitting:
            return (fitting[0] if len(fitting) == 1 else None), fitting
    if len(shape) < 3:
        return None, []
    guess, options = _of_many_axes(shape, customs)
    if len(shape) == 4 and 1 not in shape:  # more channels than a frame has: one of the shortest axis that could be theirs
        cut = sorted(customs, key=lambda order: shape[order.index("C")])
        likely = [Layout(tuple(0 if role == "C" else role for role in order)) for order in cut]
        options = [*dict.fromkeys([*likely, *options])]
    return guess, options


def named(names: str, shape: Sequence[int]) -> tuple[Layout | None, list[Layout]]:
    """The layout of an array whose axes have names: T, H, W, C as such, "?" for one of which nothing is known, and any other
    letter for one that is none of these (depth, position)."""
    long = [i for i, length in enumerate(shape) if length > 1 and names[i] not in "HW"]
    channel = next((i for i in long if names[i] == "C" and shape[i] <= FEW), -1)
    others = [i for i in long if i != channel]
    if channel >= 0 and not others:  # channels and nothing else: they can only be frames, which is for a person to say
        channel, others = -1, [channel]
    if "H" not in names or "W" not in names or not long:
        return None, []
    times = sorted(others, key=lambda i: "T?".find(names[i]) % 3)
    options = []
    for time in times:
        letters = {time: "T", channel: "C", names.index("H"): "H", names.index("W"): "W"}
        options.append(Layout(tuple(letters.get(i, 0) for i in range(len(shape)))))
    sure = len(others) == 1 and names[others[0]] in "T?"
    return (options[0] if sure else None), options


def _fits(shape: Sequence[int], order: str, usual: bool) -> bool:
    """Whether four axes can be in this order. An unusual order must give frames and times that are worth the name."""
    lengths = dict(zip(order, shape, strict=True))
    return 1 <= lengths["C"] <= FEW and (usual or min(lengths["H"], lengths["W"], lengths["T"]) > FEW)


def _of_many_axes(shape: Sequence[int], customs: Sequence[str]) -> tuple[Layout | None, list[Layout]]:
    """Axes of length 1 are cut away where that leaves three or four; else every choice of time and channels is an option."""
    long = [i for i, length in enumerate(shape) if length != 1]
    if 3 <= len(long) <= 4 and len(long) < len(shape):
        guess, options = guessed([shape[i] for i in long], customs)
        spread = [_spread(option, long, len(shape)) for option in options]
        return (_spread(guess, long, len(shape)) if guess else None), spread
    pictures_last = customs[0].index("T") == 0
    height, width = (len(shape) - 2, len(shape) - 1) if pictures_last else (0, 1)
    rest = [i for i in range(len(shape)) if i not in (height, width)]
    options = []
    for time in rest if pictures_last else reversed(rest):
        channels = [i for i in rest if i != time and 2 <= shape[i] <= FEW]
        for chosen in [*combinations(channels, 1), ()]:
            letters = {time: "T", height: "H", width: "W", **{i: "C" for i in chosen}}
            options.append(Layout(tuple(letters.get(i, 0) for i in range(len(shape)))))
    return None, options[:MOST_OPTIONS]


def _spread(layout: Layout, places: Sequence[int], n_axes: int) -> Layout:
    roles: list[str | int] = [0] * n_axes
    for place, role in zip(places, layout.roles, strict=True):
        roles[place] = role
    return Layout(tuple(roles))
