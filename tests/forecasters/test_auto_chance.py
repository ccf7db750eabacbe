"""A network is weighed as the mean of the starts that forecasts for it, though one start was judged."""

from collections.abc import Iterator

import numpy as np
import pytest

from framecast.forecasters.auto import Auto
from framecast.forecasters.auto_chance import calmed
from framecast.forecasters.auto_fit import AutoFit
from framecast.forecasters.auto_settings import AutoSettings
from framecast.forecasters.blend import Moments, Weights, fit_weights
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Workbench
from framecast.forecasters.network_forecaster import NetworkForecaster
from framecast.forecasters.seeds import Seeds
from framecast.series.frames import Frames, FrameSeries, Split

SPLIT = Split.of(20, 4, 0)
N = 4


@pytest.fixture(scope="module", autouse=True)
def two_rules() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("framecast.forecasters.auto_fit.LEAST_WEIGHT", -1.0)  # so that the network is trained to its end
        few = {name: FORECASTERS[name] for name in ("persistence", "climatology", "auto", "unet")}
        patch.setattr(FORECASTERS, "_entries", few)
        yield


def starts() -> tuple[Frames, list[Frames], Frames]:
    """Truth, N forecasts that share one error and have one of their own each, and the forecast of another member."""
    random = np.random.default_rng(0)
    truth = random.uniform(60, 200, (3, 64, 66, 1)).astype(np.float32)
    shared = truth + random.normal(0, 15, truth.shape).astype(np.float32)
    return truth, [shared + random.normal(0, 25, truth.shape).astype(np.float32) for _ in range(N)], truth + 20


def test_what_is_taken_away_is_what_the_mean_does_not_err() -> None:
    truth, said, other = starts()
    variance = (np.stack(said).var(axis=0, ddof=1) / 255.0**2).mean(axis=(1, 2, 3))
    one, mean = (Moments.of([first, other], truth, 255.0) for first in (said[0], np.mean(said, axis=0)))
    found = calmed(one, 0, variance, N)
    for alone in (np.array([1.0, 0.0]), np.array([0.6, 0.4])):
        weights = np.tile(alone.astype(np.float32), (3, 1))
        np.testing.assert_allclose(found.mse(weights), mean.mse(weights), rtol=0.1)
        np.testing.assert_allclose(found.ssim(weights), mean.ssim(weights), atol=0.01)
        assert (found.ssim(weights) > one.ssim(weights) + 0.02).all()
    np.testing.assert_array_equal(found.covariance[..., 0, 1], one.covariance[..., 0, 1])
    np.testing.assert_array_equal(found.covariance[..., 1, 1], one.covariance[..., 1, 1])


def test_no_more_is_taken_away_than_a_mean_of_so_many_could_lose() -> None:
    truth, said, other = starts()
    one = Moments.of([said[0], other], truth, 255.0)
    found = calmed(one, 0, np.full(3, 100.0), N)
    np.testing.assert_allclose(found.covariance[..., 0, 0], one.covariance[..., 0, 0] / N, rtol=1e-5)


def test_auto_weighs_the_mean_that_forecasts_and_makes_each_forecast_once(monkeypatch: pytest.MonkeyPatch) -> None:
    t, y, x, _ = np.ogrid[:16, :12, :13, :1]
    frames = 0.5 + 0.3 * np.sin(2 * np.pi * (t / 5 + 0.08 * x + 0.05 * y))
    history, asked = FrameSeries("waves", frames.astype(np.float32), (0.0, 1.0)), list[int]()
    real = NetworkForecaster.hindcasts

    def hindcasts(self: NetworkForecaster, past: Frames, *rest: object) -> dict[str, Frames]:
        if len(past) == SPLIT.test.start:
            asked.append(self.workbench.seed)
        return real(self, past, *rest)  # type: ignore[arg-type]

    given: list[list[Moments]] = []

    def weights_of(seen: list[Moments], *rest: object) -> Weights:
        given.append(seen)
        return fit_weights(seen, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(NetworkForecaster, "hindcasts", hindcasts)
    monkeypatch.setattr("framecast.forecasters.auto_fit.fit_weights", weights_of)
    auto = Auto(AutoSettings(minutes=0.0, epochs=2, networks="two", seeds=3), Workbench(seed=3))
    fit = AutoFit(auto, history, SPLIT)
    list(fit.steps())
    fit.blend()
    assert sorted(asked) == [3, 1003, 2003]
    place = next(i for i, one in enumerate(fit.judged) if one.name == "unet")
    assert isinstance(fit.judged[place].forecaster, Seeds)
    one_start, as_used = fit.moments, given[-1]
    assert [member.name for member in auto.members] == [one.name for one in fit.judged]
    for seen, used in zip(one_start, as_used, strict=True):
        own, others = used.covariance[..., place, place], [i for i in range(len(fit.judged)) if i != place]
        assert (own < seen.covariance[..., place, place]).all()
        np.testing.assert_array_equal(used.only(others).covariance, seen.only(others).covariance)
