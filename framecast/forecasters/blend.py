"""Blend: non-negative weights over several forecasts, smooth over leads, fitted to what was seen at past origins.

SSIM is a ratio of local moments, and the moments of a weighted mean of forecasts are a linear and a quadratic form in the
weights. So each window is reduced once to the moments of its members, and fitting touches no picture any more: thousands of
evaluations take seconds. What is made large is the mean SSIM itself, with two things held back. The logarithm of a weight is
linear in the lead, so a member has two numbers (with a weight per lead, few origins are fitted to the letter and the next one
is lost), and weights pay for leaving a prior in which a member counts by the score it had, as far as the origins agree on it:
where they say little the blend stays a mean of what was good, and a mean of forecasts loses less than a wrong choice does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from framecast.metrics.contract import Mask
from framecast.metrics.ssim import K1, K2, REACH, SIGMA, WINDOW
from framecast.series.frames import Frames

Array = np.ndarray[Any, np.dtype[Any]]
TEMPERATURE = 0.01
"""SSIM by which a member must be better to count e times as much before anything is fitted, where all origins agree."""
NEAR = 0.1
"""SSIM behind the best within which a member says how far origins agree."""
STIFFNESS = 0.01
"""SSIM that the weights must gain for each nat by which they leave the prior."""
MSE_SHARE = 0.02
"""Weight of the relative mean squared error beside SSIM in what is fitted."""
_EXACT = 1e-8
"""Mean squared error over the squared data range below which a member is exact: what is divided by is never 0."""
_MOST_WINDOWS = 600
"""Windows taken from a frame and channel, on a grid."""
_STEPS, _RATE = 200, 0.1


@dataclass(frozen=True, eq=False)
class Moments:
    """Windows of one origin, reduced. K members, L leads, n windows of all channels; d = member - truth over the data range,
    Gaussian means over a window as in SSIM."""

    mean: Array
    """(L, n, K) mean of d."""
    covariance: Array
    """(L, n, K, K) covariance of the d of two members."""
    with_truth: Array
    """(L, n, K) covariance of d and truth."""
    truth_mean: Array
    truth_variance: Array
    """(L, n) each."""

    @classmethod
    def of(cls, members: Sequence[Frames], truth: Frames, data_range: float, valid: Mask | None = None) -> "Moments":
        """`members` and `truth` are (lead, row, column, channel) in the units of the series."""
        kernel = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / SIGMA) ** 2)
        weights = np.outer(kernel, kernel).ravel() / kernel.sum() ** 2
        where = _windows(truth.shape[1], truth.shape[2], valid)
        leads = []
        for lead, frame in enumerate(truth):
            target = frame.astype(np.float32) / data_range
            errors = [member[lead].astype(np.float32) / data_range - target for member in members]
            if valid is not None:
                errors = [np.where(valid[..., None], error, 0) for error in errors]
            t = _cut(target, where)  # (n, 121)
            d = np.stack([_cut(error, where) for error in errors], axis=1)  # (n, K, 121)
            t_mean, d_mean = t @ weights, d @ weights
            t_centred, d_centred = t - t_mean[:, None], d - d_mean[..., None]
            weighted = d_centred * weights
            leads.append(
                (
                    d_mean,
                    weighted @ d_centred.transpose(0, 2, 1),
                    (weighted @ t_centred[..., None])[..., 0],
                    t_mean,
                    (t_centred**2) @ weights,
                )
            )
        return cls(*(np.stack(part).astype(np.float32) for part in zip(*leads, strict=True)))

    def only(self, members: Sequence[int]) -> "Moments":
        """The same of some of the members."""
        kept = list(members)
        return Moments(
            self.mean[..., kept],
            self.covariance[..., kept, :][..., kept],
            self.with_truth[..., kept],
            self.truth_mean,
            self.truth_variance,
        )

    def on_torch(self) -> "Moments":
        """The same as torch tensors, to be differentiated through."""
        import torch

        parts: dict[str, Any] = {name: torch.from_numpy(value) for name, value in vars(self).items()}
        return Moments(**parts)

    def ssim(self, weights: Any) -> Any:
        """Mean SSIM at each lead, (L,), of members blended by `weights` (L, K), arrays or tensors alike."""
        mean, spread, common = self._blended(weights)
        # sum of forecast and truth is twice the truth and the error
        total_mean = 2 * self.truth_mean + mean
        total_spread = 4 * self.truth_variance + 4 * common + spread
        luminance = 1 - 2 * mean**2 / (total_mean**2 + mean**2 + 2 * K1**2)
        return (luminance * (1 - 2 * spread / (total_spread + spread + 2 * K2**2))).mean(1)

    def mse(self, weights: Any) -> Any:
        """Mean squared error over the squared data range at each lead, (L,), in the Gaussian windows."""
        mean, spread, _ = self._blended(weights)
        return (mean**2 + spread).mean(1)

    def _blended(self, weights: Any) -> tuple[Any, Any, Any]:
        per_window = weights[:, None, :]
        mean = (self.mean * per_window).sum(-1)
        common = (self.with_truth * per_window).sum(-1)
        spread = ((self.covariance * per_window[..., None, :]).sum(-1) * per_window).sum(-1)
        return mean, spread, common


@dataclass(frozen=True)
class Weights:
    """Weights of K members: their logarithms are linear in the lead, from the first to `horizon`, where they stay."""

    first: tuple[float, ...]
    """Logarithm of the weight at lead 1, but for a constant common to all members."""
    last: tuple[float, ...]
    """The same at lead `horizon`."""
    horizon: int

    def at(self, leads: Array) -> Array:
        """(lead, member) weights at `leads` (lead 1 is 0), at least 0, each row with sum 1."""
        return _softmax(_between(np.array(self.first), np.array(self.last), _position(leads, self.horizon)))

    def only(self, members: Sequence[int]) -> "Weights":
        """The weights of some of the members, in proportion."""
        return Weights(tuple(self.first[i] for i in members), tuple(self.last[i] for i in members), self.horizon)

    @classmethod
    def single(cls, index: int, n_members: int, horizon: int) -> "Weights":
        """All weight on one member."""
        logs = tuple(0.0 if other == index else _NOTHING for other in range(n_members))
        return cls(logs, logs, horizon)


_NOTHING = -1e4
"""Logarithm of a weight that is 0 in float64."""


def fit_weights(
    seen: Sequence[Moments],
    leads: Array,
    horizon: int,
    *,
    temperature: float | None = None,
    stiffness: float = STIFFNESS,
    mse_share: float = MSE_SHARE,
) -> Weights:
    """The weights that make the mean SSIM over the origins `seen` and their `leads` large, as far as the prior lets them."""
    import torch

    each = np.stack([single_scores(moments) for moments in seen])  # (origin, K)
    scores = each.mean(axis=0)
    prior = (scores - scores.max()) / (np.hypot(TEMPERATURE, doubt(each)) if temperature is None else temperature)
    prior = np.maximum(prior, -30.0)
    tensors = [moments.on_torch() for moments in seen]
    scale = max(np.mean([_single_mse(moments).min() for moments in seen]), _EXACT)
    position = torch.from_numpy(_position(leads, horizon).astype(np.float32))
    base = torch.from_numpy(prior.astype(np.float32))
    base_log = torch.log_softmax(base, dim=0)
    moved = torch.zeros(2, len(prior), requires_grad=True)
    optimizer = torch.optim.Adam([moved], lr=_RATE)
    for step in range(_STEPS):
        optimizer.param_groups[0]["lr"] = _RATE * 0.5 * (1 + np.cos(np.pi * step / _STEPS))
        logs = torch.log_softmax(base + _between(moved[0], moved[1], position), dim=1)
        weights = logs.exp()
        gain = torch.stack([moments.ssim(weights).mean() for moments in tensors]).mean()
        gain = gain - mse_share * torch.stack([moments.mse(weights).mean() for moments in tensors]).mean() / scale
        distance = (weights * (logs - base_log)).sum(1).mean()
        loss = stiffness * distance - gain
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = (base + moved).detach().double().numpy()
    blend = Weights(tuple(map(float, found[0])), tuple(map(float, found[1])), horizon)
    return never_below_the_best(seen, leads, blend)


def doubt(scores: Array) -> float:
    """Standard error of how far members are behind the best one, in SSIM, from their `scores` (origin, K); 0.0 where there is
    no other near the best, or one origin."""
    means = scores.mean(axis=0)
    best = int(means.argmax())
    near = means > means[best] - NEAR
    near[best] = False
    if len(scores) < 2 or not near.any():
        return 0.0
    behind = scores[:, near] - scores[:, [best]]
    return float(np.sqrt(behind.var(axis=0, ddof=1).mean() / len(scores)))


def score(seen: Sequence[Moments], leads: Array, weights: Weights) -> Array:
    """(L,): SSIM at each of `leads` of the blend, mean over the origins seen."""
    at = weights.at(leads).astype(np.float32)
    return np.asarray(np.mean([moments.ssim(at) for moments in seen], axis=0))


def never_below_the_best(seen: Sequence[Moments], leads: Array, weights: Weights) -> Weights:
    """The weights, or where the prior made them worse than the best member alone, moved towards it as far as it takes."""
    scores = np.stack([single_scores(moments) for moments in seen]).mean(axis=0)
    best = int(scores.argmax())
    for bonus in (0.0, 0.5, 1.0, 2.0, 4.0, 8.0):
        raised = [tuple(log + bonus * (i == best) for i, log in enumerate(logs)) for logs in (weights.first, weights.last)]
        moved = Weights(raised[0], raised[1], weights.horizon)
        if score(seen, leads, moved).mean() >= scores[best]:
            return moved
    return Weights.single(best, len(scores), weights.horizon)


def without_small(
    seen: Sequence[Moments], leads: Array, weights: Weights, horizon: int, least: float
) -> tuple[list[int], Weights]:
    """Places of the members that have at least this weight at some lead up to `horizon`, and the weights of these. If without
    the others they are worse than the best member alone, that one is kept, too, and they are moved towards it; where that
    leaves no other this weight, it is kept alone."""
    at = weights.at(np.arange(horizon))
    kept = [place for place in range(at.shape[1]) if at[:, place].max() >= least]
    scores = np.stack([single_scores(moments) for moments in seen]).mean(axis=0)
    if score([moments.only(kept) for moments in seen], leads, weights.only(kept)).mean() >= scores.max():
        return kept, weights.only(kept)
    best = int(scores.argmax())
    kept = sorted({*kept, best})
    moved = never_below_the_best([moments.only(kept) for moments in seen], leads, weights.only(kept))
    if np.delete(moved.at(np.arange(horizon)), kept.index(best), axis=1).max(initial=0.0) < least:
        return [best], Weights.single(0, 1, horizon)
    return kept, moved


def single_scores(moments: Moments) -> Array:
    """(K,): mean SSIM over leads of each member alone."""
    n_leads, n_members = moments.mean.shape[0], moments.mean.shape[-1]
    scores = np.empty(n_members)
    for index in range(n_members):
        alone = moments.only([index])
        scores[index] = alone.ssim(np.ones((n_leads, 1), np.float32)).mean()
    return scores


def _single_mse(moments: Moments) -> Array:
    diagonal = np.diagonal(moments.covariance, axis1=-2, axis2=-1)
    return np.asarray((moments.mean**2 + diagonal).mean(axis=(0, 1)))


def _position(leads: Array, horizon: int) -> Array:
    """0 at the first lead, 1 at `horizon` and beyond; all 0 where the first is the only one."""
    last = max(0, horizon - 1)
    return np.asarray(np.minimum(np.asarray(leads), last) / max(1, last))


def _between(first: Any, last: Any, position: Any) -> Any:
    return first[None] + (last - first)[None] * position[:, None]


def _softmax(logs: Array) -> Array:
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _windows(height: int, width: int, valid: Mask | None) -> tuple[Array, Array]:
    """Row and column indices (n, 121) of the windows looked at."""
    rows, columns = (_starts(side) for side in (height, width))
    n = max(1, len(rows) * len(columns) // _MOST_WINDOWS)
    step = max(1, round(n**0.5))
    top, left = (grid.ravel() for grid in np.meshgrid(rows[step // 2 :: step], columns[step // 2 :: step], indexing="ij"))
    offset = np.arange(WINDOW)
    y = _folded(top[:, None] + offset, height)  # (n, 11)
    x = _folded(left[:, None] + offset, width)
    y, x = np.repeat(y, WINDOW, axis=1), np.tile(x, (1, WINDOW))
    if valid is not None:
        middle = WINDOW * WINDOW // 2
        kept = valid[y[:, middle], x[:, middle]]
        if kept.any():
            y, x = y[kept], x[kept]
    return y, x


def _starts(side: int) -> Array:
    return np.arange(side - 2 * REACH) if side >= WINDOW else np.arange(-REACH, side - REACH)


def _folded(index: Array, side: int) -> Array:
    """Indices beyond a side continue it by reflection, as SSIM does along a side shorter than its window."""
    index = index % (2 * side)
    return np.where(index < side, index, 2 * side - 1 - index)


def _cut(frame: Frames, where: tuple[Array, Array]) -> Array:
    """(n * channels, 121) of a frame (row, column, channel)."""
    cut = frame[where]  # (n, 121, c)
    return np.ascontiguousarray(np.moveaxis(cut, -1, 1)).reshape(-1, cut.shape[1])
