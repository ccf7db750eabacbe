"""A bounded training learns laws that are known, well enough to be of use fifty frames ahead.

Skills are those that were measured, with room for another machine's rounding; all three networks begin as persistence, whose
skill is 0.
"""

import numpy as np
import pytest

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.series.frames import Split
from framecast.series.synthetic import SYNTHETIC

SPLIT = Split(range(300), range(300, 350), range(350, 400))


@pytest.mark.slow
@pytest.mark.parametrize(
    "law, size, epochs, on_average, at_lead_50",
    [("travelling_waves", 24, 20, 0.6, 0.2), ("reaction_diffusion", 24, 20, 0.5, 0.4), ("moving_digits", 32, 16, 0.12, 0.05)],
)
def test_a_bounded_training_has_skill_at_lead_50(
    law: str, size: int, epochs: int, on_average: float, at_lead_50: float
) -> None:
    series, kind = SYNTHETIC[law](400, size, 1), FORECASTERS["unet"]
    settings = kind.configure(None, {"epochs": epochs, "context": 4, "width": 16, "select_by": "mse"}, SPLIT)
    forecaster = kind.make(settings, Workbench(seed=0))
    for _ in forecaster.fit(series.head(350), SPLIT):
        pass
    truth, last = series.frames[350:].astype(float), series.frames[349].astype(float)
    error = ((forecaster.forecast(series.frames[:350], 50) - truth) ** 2).mean(axis=(1, 2, 3))
    persistence = ((last - truth) ** 2).mean(axis=(1, 2, 3))
    assert 1 - error.mean() / persistence.mean() > on_average
    assert 1 - error[49] / persistence[49] > at_lead_50
    assert np.isfinite(error).all()
