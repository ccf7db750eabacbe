"""What a blend found, in words for the person whose series it is: who carries it, what networks add, how far to trust it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from framecast.forecasters.blend import Moments, Weights, fit_weights, score
from framecast.forecasters.catalog import FORECASTERS

Array = np.ndarray[Any, np.dtype[Any]]
CARRIES = 0.6
"""Mean weight from which one member carries a series."""
COUNTS = 0.1
"""Mean weight from which a member is named."""
ADDS = 0.002
"""SSIM that networks must add on the past for it to be said."""
NOTHING = "Networks add nothing to the simple rules here."


def found_in_words(
    names: Sequence[str],
    moments: Sequence[Moments],
    weights: Weights,
    leads: Array,
    horizon: int,
    how: str = "",
    *,
    shares: Array | None = None,
    in_vain: bool = False,
) -> str:
    """A few sentences on a blend of the forecasters `names`, persistence among them, as the past judged it. `how` is what the
    first of them found for itself, `shares` (name,) the mean weights that people will see of it, by default those of
    `weights`; `in_vain` is whether networks were tried and none has any."""
    titles = [FORECASTERS[name].title for name in names]
    share = weights.at(np.arange(horizon)).mean(axis=0) if shares is None else shares
    return " ".join(
        sentence
        for sentence in (
            _who_carries(titles, share),
            how,
            NOTHING if in_vain else "",
            _what_networks_add(names, moments, weights, leads, horizon, float(share[_networks(names)].sum())),
            _how_far(score(moments, leads, weights), _alone(names, moments, leads, horizon), leads, horizon),
        )
        if sentence
    )


def _who_carries(titles: Sequence[str], share: Array) -> str:
    order = np.argsort(-share, kind="stable")
    counting = [i for i in order if share[i] >= COUNTS] or [order[0]]
    named = [f"{titles[i]} ({share[i]:.0%})" for i in counting]
    if share[order[0]] >= CARRIES:
        others = f"; {_listed(named[1:])} helps" if len(named) == 2 else f"; {_listed(named[1:])} help" if named[1:] else ""
        return f"{named[0]} carries this series{others}."
    return f"This series is shared between {_listed(named)}."


def _what_networks_add(
    names: Sequence[str], moments: Sequence[Moments], weights: Weights, leads: Array, horizon: int, share: float
) -> str:
    networks = _networks(names)
    if not networks:
        return ""
    rules = [i for i in range(len(names)) if i not in networks]
    without = [part.only(rules) for part in moments]
    added = score(moments, leads, weights).mean() - score(without, leads, fit_weights(without, leads, horizon)).mean()
    if added < ADDS:
        return NOTHING if share < COUNTS else NOTHING.replace("nothing", "little")
    return f"On earlier frames networks added {added:.3f} to the mean SSIM of the simple rules."


def _how_far(blend: Array, persistence: Array, leads: Array, horizon: int) -> str:
    """The last lead seen before the blend was no better than the last frame repeated."""
    better = blend > persistence + 1e-4
    if better.all() and horizon == 1:
        return "On earlier frames it beat repeating the last frame at lead 1."
    if better.all():
        return f"On earlier frames it beat repeating the last frame at every lead up to {horizon}."
    if not better.any():
        return "On earlier frames nothing beat repeating the last frame."
    first_fall = int(np.argmin(better))
    if first_fall and better[first_fall:].any():
        last = int(leads[first_fall - 1]) + 1
        return f"On earlier frames it beat repeating the last frame up to lead {last}, and at some leads after that."
    if first_fall:
        return f"On earlier frames nothing beat repeating the last frame after lead {int(leads[first_fall - 1]) + 1}."
    first_rise = int(np.argmax(better))
    where = "from lead {} on" if better[first_rise:].all() else "at some leads, the first of them lead {}"
    return f"On earlier frames it beat repeating the last frame only {where.format(int(leads[first_rise]) + 1)}."


def _alone(names: Sequence[str], moments: Sequence[Moments], leads: Array, horizon: int) -> Array:
    return score(moments, leads, Weights.single(list(names).index("persistence"), len(names), horizon))


def _networks(names: Sequence[str]) -> list[int]:
    return [i for i, name in enumerate(names) if FORECASTERS[name].family == "network"]


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
