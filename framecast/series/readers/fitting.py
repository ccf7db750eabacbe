"""Frames of several sizes brought to one, in the way a person chose; none of it is done unasked."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from framecast.errors import ChoiceNeededError
from framecast.series.preparation import enlarge, reduce_frames
from framecast.series.readers.contract import SIZES, Frame

Size = tuple[int, int]
"""(height, width)."""


MOST_NAMED = 5


def agreed_size(labels: Sequence[str], sizes: Sequence[Size], what: str, way: str, notes: list[str]) -> Size:
    """The one size of all frames. Raises ChoiceNeededError, naming the odd ones, where sizes differ and no way was chosen.
    `what` they are: "pictures"."""
    (height, width), n_usual = Counter(sizes).most_common(1)[0]
    if n_usual == len(sizes):
        return height, width
    if way:
        size = common_size(sizes, way)
        notes.append(in_words(way, size, sum(one != size for one in sizes), len(sizes), what))
        return size
    odd = [i for i, one in enumerate(sizes) if one != (height, width)]
    named = ", ".join(f"{labels[i]} is {sizes[i][1]} x {sizes[i][0]}" for i in odd[:MOST_NAMED])
    more = f" and so on, {len(odd)} in all" if len(odd) > MOST_NAMED else ""
    raise ChoiceNeededError(
        f"{n_usual} of {len(sizes)} {what} are {width} x {height} pixels (width x height), but {named}{more}; all must "
        "have one size. Leave the odd ones out, or choose to crop, pad or resize.",
        sizes=SIZES,
    )


def common_size(sizes: Sequence[Size], way: str) -> Size:
    """The size that all are brought to: what all of them hold (crop), what holds all of them (pad), or the usual one
    (resize)."""
    if way == "resize":
        return Counter(sizes).most_common(1)[0][0]
    chosen = min if way == "crop" else max
    return chosen(height for height, _ in sizes), chosen(width for _, width in sizes)


def fitted(frame: Frame, size: Size, way: str) -> Frame:
    """`frame` (height, width, channel) at `size`: its middle cut out, black around it, or made smaller or larger."""
    if frame.shape[:2] == size:
        return frame
    if way == "resize":
        if frame.dtype.kind == "b":  # yes where at least half of what a pixel covers is
            return np.asarray(fitted(frame.astype(np.float32), size, way) >= 0.5)
        if size[0] <= frame.shape[0] and size[1] <= frame.shape[1]:
            reduced: Frame = reduce_frames(frame[None], size)[0]
            return reduced
        return _rounded(enlarge(frame.astype(np.float32), size), frame)
    out = np.zeros((*size, frame.shape[2]), frame.dtype)
    target, source = zip(*(_overlap(want, have) for want, have in zip(size, frame.shape, strict=False)), strict=True)
    out[target] = frame[source]
    return out


def in_words(way: str, size: Size, n_changed: int, n_all: int, what: str = "pictures") -> str:
    done = {"crop": "cropped", "pad": "given a black border", "resize": "resized"}[way]
    were = "was" if n_changed == 1 else "were"
    return f"{n_changed} of {n_all} {what} {were} {done} to {size[1]} x {size[0]}, as asked for."


def _overlap(want: int, have: int) -> tuple[slice, slice]:
    """Where the middle of `have` pixels lies in `want`, and which of them those are."""
    length = min(want, have)
    into, out = (want - length) // 2, (have - length) // 2
    return slice(into, into + length), slice(out, out + length)


def _rounded(values: Frame, like: Frame) -> Frame:
    if like.dtype.kind == "f":
        return values.astype(like.dtype)
    top = np.iinfo(like.dtype)
    return np.clip(np.rint(values), top.min, top.max).astype(like.dtype)
