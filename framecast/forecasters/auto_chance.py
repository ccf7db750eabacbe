"""What a mean of several random starts errs less than the one start by which a network was judged.

On the fold a network is trained once, for time is short there, and its weight would be that of one start. What chance does to
a forecast can be seen without any truth: it is what the starts differ by. In a mean of n of them 1/n of its variance is left,
so (1 - 1/n) of it is taken from the network's squared errors at the past origins before weights are fitted: from the means of
windows what these differ by, and from what is within windows what differs there, since chance can be smooth or not. Errors
that all starts have in common stay, and so does what a network's errors have in common with those of others within windows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from framecast.forecasters.blend import Moments
from framecast.forecasters.seeds import Seeds
from framecast.series.frames import Frames

if TYPE_CHECKING:
    from framecast.forecasters.auto_fit import AutoFit
    from framecast.forecasters.network_forecaster import NetworkForecaster

Array = np.ndarray[Any, np.dtype[Any]]


class Chance:
    """What the starts of each network differ by; every forecast is made once."""

    def __init__(self, fit: "AutoFit") -> None:
        self._fit = fit
        self._said: dict[NetworkForecaster, Frames] = {}

    def calmed(self, moments: Sequence[Moments], indices: Sequence[int]) -> list[Moments]:
        """`moments` are of the members at these places of those judged; they come back as the means would have had them."""
        found = list(moments)
        for place, index in enumerate(indices):
            forecaster = self._fit.judged[index].forecaster
            if isinstance(forecaster, Seeds):
                differences = self._differences(forecaster)
                found = [calmed(part, place, differences) for part in found]
        return found

    def _differences(self, seeds: Seeds) -> Moments:
        """Of what the starts forecast from the last frame, counted from their mean."""
        view, history = self._fit.view, self._fit.history
        for network in seeds.networks:
            if network not in self._said:
                ways = network.hindcasts(history.frames, self._fit.horizon, view)
                self._said[network] = ways[network.restoration]
        said = [self._said[network] for network in seeds.networks]
        mean = np.asarray(np.mean(said, axis=0, dtype=np.float64), np.float32)
        return Moments.of(said, mean, history.data_range, view.valid)


def calmed(moments: Moments, member: int, differences: Moments) -> Moments:
    """The same with what chance there is in this member, but for 1/n, taken from its own squared error, at each lead by the
    same share everywhere. `differences` are those of n starts from their mean; where they differ by more than the member
    erred, chance was all of it."""
    n = differences.mean.shape[-1]
    between = (differences.mean**2).sum(axis=-1) / (n - 1)
    within = np.trace(differences.covariance, axis1=-2, axis2=-1) / (n - 1)
    mean, covariance = moments.mean.copy(), moments.covariance.copy()
    mean[..., member] *= np.sqrt(_left(between, mean[..., member] ** 2, n))
    covariance[..., member, member] *= _left(within, covariance[..., member, member], n)
    return Moments(mean, covariance, moments.with_truth, moments.truth_mean, moments.truth_variance)


def _left(chance: Array, squared: Array, n: int) -> Array:
    """(lead, 1): the share of `squared`, (lead, window) as `chance`, that is left in a mean of n."""
    chance, squared = (np.nan_to_num(one.mean(axis=1)) for one in (chance, squared))  # what is no number has no say in weights
    share = np.minimum(chance / np.maximum(squared, np.finfo(np.float32).tiny), 1.0)
    return np.asarray((1 - (1 - 1 / n) * share)[:, None], np.float32)
