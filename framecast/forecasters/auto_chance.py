"""What a mean of several random starts errs less than the one start by which a network was judged.

On the fold a network is trained once, for time is short there, and its weight would be that of one start. What chance does to
a forecast can be seen without any truth: it is what the starts differ by. In a mean of n of them 1/n of its variance is left,
so (1 - 1/n) of it is taken from the network's squared errors at the past origins before weights are fitted. Errors that all
starts have in common stay, and so does what a network's errors have in common with those of others.
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
                variance, n = self._variance(forecaster), len(forecaster.networks)
                found = [calmed(part, place, variance, n) for part in found]
        return found

    def _variance(self, seeds: Seeds) -> Array:
        """(lead,) of what the starts forecast from the last frame, over the squared data range."""
        view, history = self._fit.view, self._fit.history
        for network in seeds.networks:
            if network not in self._said:
                ways = network.hindcasts(history.frames, self._fit.horizon, view)
                self._said[network] = ways[network.restoration]
        said = np.stack([self._said[network] for network in seeds.networks])
        variance = said.var(axis=0, ddof=1, dtype=np.float64) / history.data_range**2
        counted = variance if view.valid is None else variance[:, view.valid]
        means = counted.reshape(len(counted), -1).mean(axis=1)
        return np.asarray(np.nan_to_num(means))  # what is no number has no say in weights


def calmed(moments: Moments, member: int, variance: Array, n: int) -> Moments:
    """The same with (1 - 1/n) of the `variance` (lead,) taken from this member's own squared error, at each lead by the same
    share everywhere; where the starts differ by more than it erred, chance was all of it."""
    own = moments.covariance[..., member, member]
    squared = (own + moments.mean[..., member] ** 2).mean(axis=1)
    share = np.minimum(variance / np.maximum(squared, np.finfo(np.float32).tiny), 1.0) * (1 - 1 / n)
    covariance = moments.covariance.copy()
    covariance[..., member, member] = own * (1 - share[:, None])
    return Moments(moments.mean, covariance, moments.with_truth, moments.truth_mean, moments.truth_variance)
