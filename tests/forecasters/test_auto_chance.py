"""A network is weighed as the mean of the starts that forecasts for it, though one start was judged."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

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


def starts(smooth: float) -> tuple[Frames, list[Frames], Frames]:
    """Truth, N forecasts that share one error and have one of their own each, smooth over so many pixels, and the forecast of
    another member."""
    random = np.random.default_rng(0)

    def field(spread: float) -> Frames:
        drawn = np.stack([gaussian_filter(random.normal(size=(64, 66)), smooth, mode="wrap") for _ in range(3)])
        return np.asarray(spread * drawn / drawn.std(), np.float32)[..., None]

    truth = random.uniform(60, 200, (3, 64, 66, 1)).astype(np.float32)
    shared = truth + field(15)
    return truth, [shared + field(25) for _ in range(N)], truth + 20


def of_starts(said: list[Frames]) -> Moments:
    return Moments.of(said, np.mean(said, axis=0), 255.0)


@pytest.mark.parametrize("smooth", [0.0, 2.0, 4.0])
def test_what_is_taken_away_is_what_the_mean_does_not_err(smooth: float) -> None:
    """In the mean over the starts, each as the one that was judged."""
    truth, said, other = starts(smooth)
    mean = Moments.of([np.mean(said, axis=0), other], truth, 255.0)
    judged = [Moments.of([one, other], truth, 255.0) for one in said]
    found = [calmed(one, 0, of_starts(said)) for one in judged]
    alone = np.tile(np.array([1.0, 0.0], np.float32), (3, 1))

    def mse(moments: list[Moments]) -> float:
        return float(np.mean([one.mse(alone) for one in moments]))

    assert mse(found) == pytest.approx(mse([mean]), rel=0.1)
    assert mse(judged) > 2 * mse([mean])
    for before, after in zip(judged, found, strict=True):
        assert (after.ssim(alone) > before.ssim(alone)).all()
        np.testing.assert_array_equal(after.covariance[..., 0, 1], before.covariance[..., 0, 1])
        np.testing.assert_array_equal(after.only([1]).covariance, before.only([1]).covariance)
        np.testing.assert_array_equal(after.only([1]).mean, before.only([1]).mean)


def test_no_more_is_taken_away_than_a_mean_of_so_many_could_lose() -> None:
    truth, said, other = starts(0.0)
    one = Moments.of([said[0], other], truth, 255.0)
    found = calmed(one, 0, of_starts([10 * frames for frames in said]))
    np.testing.assert_allclose(found.covariance[..., 0, 0], one.covariance[..., 0, 0] / N, rtol=1e-5)
    np.testing.assert_allclose(found.mean[..., 0], one.mean[..., 0] / N**0.5, rtol=1e-5)


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
