"""The leaderboard: every forecaster that was scored on the same frames, best first."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from framecast.errors import InputError, SettingError
from framecast.evaluation.scores import ScoreCurve, mean_curve
from framecast.evaluation.skill import skill, skill_horizon
from framecast.metrics import METRICS


@dataclass(frozen=True)
class Row:
    """One forecaster. `means` holds each metric averaged over origins and leads (PSNR infinite if any frame was exact)."""

    forecaster: str
    means: Mapping[str, float]
    skill: float
    """Of the means, not a mean of skills; in MSE unless asked otherwise, so 0.3 is 30 % less squared error."""
    skill_horizon: int
    """Last lead before the skill in that metric falls to 0 for the first time."""
    finals: Mapping[str, float] = field(default_factory=dict)
    """Each metric averaged over origins at the last lead."""


def rows(
    curves: Iterable[ScoreCurve], *, rank_by: str = "ssim", skill_in: str = "mse", reference: str = "persistence"
) -> list[Row]:
    """The forecasters in `curves`, best mean `rank_by` first, NaN last, equal ones in the order they came in.

    All must be scored from the same origins over the same horizon, or their means compare different frames: SettingError
    otherwise. A metric that one of them was not scored in is not in its row, but for the two that are asked for. `reference`
    must be among them (UnknownNameError). No curves, no rows.
    """
    curves = list(curves)
    if not curves:
        return []
    _refuse_different_frames(curves)
    zero = mean_curve(curves, reference, skill_in)
    perfect = METRICS[skill_in].perfect
    board = []
    for forecaster in dict.fromkeys(curve.forecaster for curve in curves):
        metrics = dict.fromkeys(curve.metric for curve in curves if curve.forecaster == forecaster)
        means = {metric: mean_curve(curves, forecaster, metric) for metric in (*metrics, rank_by, skill_in)}
        mine = means[skill_in]
        board.append(
            Row(
                forecaster,
                {metric: float(one.mean()) for metric, one in means.items()},
                float(skill(mine.mean(), zero.mean(), perfect=perfect)),
                skill_horizon(skill(mine, zero, perfect=perfect)),
                {metric: float(one[-1]) for metric, one in means.items()},
            )
        )
    bad = {row.forecaster: float(METRICS[rank_by].badness(np.array(row.means[rank_by]))) for row in board}
    return sorted(board, key=lambda row: (bool(np.isnan(bad[row.forecaster])), bad[row.forecaster]))


def _refuse_different_frames(curves: list[ScoreCurve]) -> None:
    keys = Counter((curve.forecaster, curve.metric, curve.origin) for curve in curves)
    (forecaster, metric, origin), n_curves = keys.most_common(1)[0]
    if n_curves > 1:
        raise InputError(
            f"There are {n_curves} curves of {metric} of {forecaster} from frame {origin}; a table needs one. Give runs of "
            "the same forecaster names of their own."
        )
    covered: dict[str, set[tuple[int, int]]] = {}
    for curve in curves:
        covered.setdefault(curve.forecaster, set()).add((curve.origin, curve.horizon))
    first, *others = covered
    for other in others:
        if covered[other] != covered[first]:
            raise SettingError(
                f"{first} was scored {_frames(covered[first])} and {other} {_frames(covered[other])}; a table needs the same "
                "for all. Compare runs with the same split."
            )


def _frames(covered: set[tuple[int, int]]) -> str:
    origins, horizons = (sorted(set(values)) for values in zip(*covered, strict=True))
    return f"from origin {_listed(origins)} over horizon {_listed(horizons)}"


def _listed(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)
