"""Which frames of which other series the frames of a series are, where FrameCast made it from those.

A series counts by its content, and one that was cut, thinned or reduced is another one; but its frames show what those show
that they were made of, so that weights which have learned from the one know the other. A lineage names all series up the line
and not the nearest alone, since those between may be deleted; two that meet anywhere in it have frames in common.
A series that was prepared before this was kept says what it was made from, but not which frames; those are None here, unless
none was left out.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

Spans = tuple[tuple[int, ...], ...]
"""Indices from 0 in their order: (first, step, how many), one after the other. A few of them say what most recipes keep."""
Lineage = Mapping[str, Spans | None]
"""Digest of a series up the line to which of its frames those of this one are, in their order; None where nobody knows."""


class Described(Protocol):
    """What is stored of a series, as far as it is needed here."""

    @property
    def digest(self) -> str: ...
    @property
    def n_frames(self) -> int: ...
    @property
    def made_from(self) -> str: ...
    @property
    def made_of(self) -> Lineage: ...


def spans_of(indices: Sequence[int]) -> Spans:
    """Indices that rise, as spans."""
    spans: list[tuple[int, int, int]] = []
    for index in indices:
        first, step, count = spans[-1] if spans else (0, 0, 0)
        if count == 1 or (count and index == first + step * count):
            spans[-1] = (first, index - first if count == 1 else step, count + 1)
        else:
            spans.append((index, 1, 1))
    return tuple(spans)


def indices_of(spans: Spans) -> list[int]:
    return [first + step * place for first, step, count in spans for place in range(count)]


def whole(n_frames: int) -> Spans:
    """The first `n_frames` frames of a series."""
    return spans_of(range(n_frames))


def from_json(values: Mapping[str, Any]) -> dict[str, Spans | None]:
    return {one: None if spans is None else tuple(map(tuple, spans)) for one, spans in dict(values).items()}


def can_be(spans: Spans, most: int) -> bool:
    """Whether spans that came from elsewhere could be such, of at most `most` frames."""
    sound = all(len(span) == 3 and span[0] >= 0 and min(span[1:]) >= 1 for span in spans)
    return sound and sum(span[2] for span in spans) <= most


def made_of(digest: str, lineage: Lineage, kept: Sequence[int] | None) -> dict[str, Spans | None]:
    """The lineage of a series that has the frames `kept` of another one; None where it is not known which."""

    def through(above: Spans | None) -> Spans | None:
        if above is None or kept is None:
            return None
        indices = indices_of(above)
        return spans_of([indices[index] for index in kept])

    own = None if kept is None else spans_of(kept)
    return {one: through(above) for one, above in lineage.items()} | {digest: own}


def first_frames(lineage: Lineage, n_frames: int) -> dict[str, Spans | None]:
    """The lineage of the first frames alone."""
    return {one: None if spans is None else spans_of(indices_of(spans)[:n_frames]) for one, spans in lineage.items()}


def lineage_of(digest: str, stored: Callable[[str], Described | None]) -> Lineage:
    """As far as it is known of a series that is stored; nothing of one that is not."""
    found = stored(digest)
    if found is None or found.made_of or not found.made_from:
        return found.made_of if found else {}
    above = stored(found.made_from)
    kept = range(found.n_frames) if above and above.n_frames == found.n_frames else None  # none was left out
    # a series from elsewhere may claim anything, even to be made of itself
    beyond = lineage_of(found.made_from, lambda one: None if one == digest else stored(one))
    return {one: spans for one, spans in made_of(found.made_from, beyond, kept).items() if one != digest}


def n_known(series: Lineage, learned: Lineage) -> int | None:
    """How many frames of a series, from the first one on, are known to who has learned from frames of the lineage `learned`:
    up to the last that shows no later moment than one of those. None where they have frames in common, and nobody knows which.
    Both lineages name the series itself, too. What was learned beyond the last frame of the series is none of its frames.
    """
    common, counts = series.keys() & learned.keys(), []
    for one in common:
        mine, theirs = series[one], learned[one]
        if mine is not None and theirs is not None:
            frames = indices_of(mine)
            within = [index for index in indices_of(theirs) if index <= frames[-1]]
            counts.append(bisect_right(frames, max(within)) if within else 0)
    return max(counts) if counts else (None if common else 0)
