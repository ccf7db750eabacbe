"""An ensemble is the mean of its members, keeps what is finished, and is as sure as it should be."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from framecast.evaluation.ensemble import judge_lead
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import MemberForecaster, Workbench
from framecast.forecasters.ensemble import Ensemble
from framecast.forecasters.ensemble_state import Judged
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.synthetic import SYNTHETIC

QUICK: dict[str, object] = {"minutes": 0.0, "epochs": 1, "unroll": 2, "members": 3}


def noisy(made: str = "drifting_texture", n_frames: int = 90, size: int = 24) -> FrameSeries:
    """What moves by a law, and on it noise that each pixel remembers half of: nobody can forecast it, and how far it goes is
    known."""
    rng = np.random.default_rng(5)
    frames = SYNTHETIC[made](n_frames, size, 0).frames.astype(np.float32)
    noise = np.zeros(frames.shape[1:], np.float32)
    for frame in frames:
        noise = 0.5 * noise + rng.normal(0, 6, noise.shape).astype(np.float32)
        frame += noise
    return FrameSeries(f"noisy {made}", frames, (-40.0, 300.0))


def fitted(series: FrameSeries, split: Split, n_steps: int | None = None, **changes: object) -> Ensemble:
    """Fitted to the end, or left at the `n_steps`-th sign of a stage."""
    kind = FORECASTERS["ensemble"]
    ensemble = kind.make(kind.configure(changes=QUICK | changes), Workbench(Preparation(16), seed=2))
    assert isinstance(ensemble, Ensemble)
    fit, stages = ensemble.fit(series.head(split.test.start), split), set()
    for progress in fit:
        stages.add(progress.stage)
        if n_steps is not None and len(stages) > n_steps:
            break
    if n_steps is not None:
        fit.close()  # type: ignore[attr-defined]
    return ensemble


@pytest.fixture(scope="module")
def series() -> FrameSeries:
    return noisy(n_frames=40)


SPLIT = Split.of(40, 8)


@pytest.mark.parametrize("kind", ["seeds", "noise"])
def test_the_forecast_is_the_mean_of_members_that_differ(series: FrameSeries, kind: str) -> None:
    ensemble, past = fitted(series, SPLIT, kind=kind, learning_rate=0.01), series.frames[: SPLIT.test.start]
    assert isinstance(ensemble, MemberForecaster)
    members = np.stack(list(ensemble.forecast_members(past, 5)))
    assert members.shape == (3, 5, 24, 24, 1) and members.dtype == np.float32
    np.testing.assert_allclose(ensemble.forecast(past, 5), members.mean(axis=0), rtol=1e-5)
    assert all(np.abs(members[i] - members[j]).max() > 1e-3 for i, j in ((0, 1), (0, 2), (1, 2)))


def test_noisy_starts_come_in_pairs_around_the_true_one(series: FrameSeries) -> None:
    """Without training a network is persistence: what members differ by is then the start alone, and pairs cancel."""
    ensemble = fitted(series, SPLIT, kind="noise", learning_rate=1e-7)
    past = series.frames[: SPLIT.test.start]
    first, second, last = ensemble.forecast_members(past, 2)
    np.testing.assert_allclose(last[0], past[-1], atol=0.01)
    inside = np.abs(first[0] + second[0] - 2 * past[-1]) < 0.05  # but where a value is clamped to what was seen
    assert inside.mean() > 0.95
    assert np.abs(first[0] - past[-1]).std() > 0.1


def test_each_pair_of_noisy_starts_is_another_and_so_is_that_of_another_seed(series: FrameSeries) -> None:
    """Also of the pairs after the first: members that are the same twice would make it too sure."""
    ensemble, past = fitted(series, SPLIT, kind="noise", members=7), series.frames[: SPLIT.test.start]
    network = ensemble._networks[0]

    def nudges(seed: int) -> list[np.ndarray]:
        ensemble.workbench = Workbench(Preparation(16), seed=seed)
        made = [ensemble._nudge(network, past, index) for index in range(7)]
        assert made[-1] is None, "the last one begins from the true frames"
        return [one for one in made if one is not None]

    first = nudges(2)
    for one, other in itertools.combinations(range(6), 2):
        if one // 2 == other // 2:
            np.testing.assert_array_equal(first[one], -first[other])
        else:
            assert np.abs(first[one] - first[other]).max() > 1 and np.abs(first[one] + first[other]).max() > 1
    assert all(np.abs(one - other).max() > 1 for one, other in zip(first, nudges(3), strict=True))
    assert all(len(np.unique(np.abs(one).reshape(len(one), -1), axis=0)) > 1 for one in first), "nor is it for each frame"


def test_how_far_members_differ_is_told_as_a_share_of_what_their_mean_was_wrong_by(series: FrameSeries) -> None:
    """The usual standard deviation of so few members, which divides by one less than there are."""
    judged = Judged(series, SPLIT)
    truth = series.frames[SPLIT.valid.start : SPLIT.valid.stop]
    for place, off in enumerate((2.0, 4.0, 9.0)):
        judged.with_those_of(place, iter([truth + np.float32(off)]))
    assert judged.raw_share == pytest.approx(13**0.5 / 5, rel=1e-4)
    judged.without(1)
    assert judged.raw_share == pytest.approx(24.5**0.5 / 5.5, rel=1e-4)


def test_without_noise_the_members_of_one_network_are_one(series: FrameSeries) -> None:
    ensemble = fitted(series, SPLIT, kind="noise", noise=0.0)
    first, *others = ensemble.forecast_members(series.frames[: SPLIT.test.start], 3)
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize(("n_stages", "n_members"), [(1, 1), (2, 1), (3, 1), (5, 2), (8, 3)])
def test_members_that_found_their_training_length_are_kept(
    series: FrameSeries, n_stages: int, n_members: int, tmp_path: Path
) -> None:
    """Each member has three stages: searching, chosen, refit. One that is still searching does not count, but the first."""
    ensemble, past = fitted(series, SPLIT, n_stages), series.frames[: SPLIT.test.start]
    assert len(list(ensemble.forecast_members(past, 2))) == n_members
    ensemble.save(tmp_path)
    loaded = Ensemble.load(tmp_path)
    assert loaded.spread_law(4) == ensemble.spread_law(4)
    np.testing.assert_array_equal(loaded.forecast(past, 2), ensemble.forecast(past, 2))


@pytest.mark.parametrize(("n_valid", "said"), [(3, True), (8, False), (9, False)])
def test_leads_that_validation_does_not_reach_are_told_to_be_too_sure(series: FrameSeries, n_valid: int, said: bool) -> None:
    ensemble = FORECASTERS["ensemble"].make(FORECASTERS["ensemble"].configure(changes=QUICK | {"kind": "noise"}), Workbench())
    *_, last = ensemble.fit(series.head(SPLIT.test.start), Split.of(40, 8, n_valid))
    assert ("The validation frames reach to lead 3; beyond that" in last.finding) is said
    assert "corrected for that." in last.finding


def test_the_weights_of_all_networks_are_counted() -> None:
    kind = FORECASTERS["ensemble"]
    one = FORECASTERS["unet"].n_weights
    assert kind.n_weights and one
    n_weights = one(FORECASTERS["unet"].configure(), 16, 16, 1)
    assert kind.n_weights(kind.configure(changes={"members": 5}), 16, 16, 1) == 5 * n_weights
    assert kind.n_weights(kind.configure("one network"), 16, 16, 1) == n_weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "kind"), [("drifting_texture", "seeds"), ("drifting_texture", "noise"), ("travelling_waves", "seeds")]
)
def test_the_80_percent_interval_holds_80_percent_of_a_noisy_series(made: str, kind: str) -> None:
    series, split = noisy(made), Split.of(90, 15)
    ensemble = fitted(series, split, kind=kind, epochs=6)
    past, law = series.frames[: split.test.start], ensemble.spread_law(15)
    members = np.stack(list(ensemble.forecast_members(past, 15)))
    leads = [judge_lead(members[:, i], series.frames[split.test.start + i], law, i)[0] for i in range(15)]
    assert 0.7 <= np.mean([lead["coverage"] for lead in leads]) <= 0.9
    assert 0.75 <= np.mean([lead["spread"] for lead in leads]) / np.mean([lead["error"] for lead in leads]) <= 1.33
    assert np.mean([lead["coverage_raw"] for lead in leads]) < 0.7  # the members alone are too sure
