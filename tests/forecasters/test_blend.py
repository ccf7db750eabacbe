"""Blends: moments say what pictures would, weights are what the past asks for, and no blend is worse there than its best."""

import numpy as np
import pytest

from framecast.forecasters import blend
from framecast.forecasters.blend import TEMPERATURE, Moments, Weights, doubt, fit_weights, score, single_scores, without_small
from framecast.metrics import METRICS

LEADS = np.arange(4)


def truth_of(seed: int, shape: tuple[int, ...] = (4, 22, 25, 2)) -> np.ndarray:
    return np.random.default_rng(seed).uniform(20, 230, shape).astype(np.float32)


def noisy(frames: np.ndarray, amount: float, seed: int) -> np.ndarray:
    return frames + np.random.default_rng(seed).normal(0, amount, frames.shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(4, 22, 25, 2), (4, 11, 30, 1), (4, 6, 19, 3)])
def test_moments_say_what_the_pictures_would(shape: tuple[int, ...]) -> None:
    truth = truth_of(0, shape)
    members = [noisy(truth, 20, 1), noisy(truth, 60, 2) + 10, np.full_like(truth, 90)]
    moments = Moments.of(members, truth, 255.0)
    weights = np.random.default_rng(3).dirichlet(np.ones(3), size=4).astype(np.float32)
    blended = sum(w[:, None, None, None] * member for w, member in zip(weights.T, members, strict=True))
    expected = METRICS["ssim"].function(blended, truth, data_range=255.0, valid=None)
    np.testing.assert_allclose(moments.ssim(weights), expected, atol=2e-5)


def test_masked_pixels_have_no_say() -> None:
    truth, valid = truth_of(0), np.ones((22, 25), bool)
    valid[:, :9] = False
    member = noisy(truth, 30, 1)
    spoiled = member.copy()
    spoiled[:, ~valid] = 1e4
    scores = [single_scores(Moments.of([one], truth, 255.0, valid)) for one in (member, spoiled)]
    np.testing.assert_array_equal(*scores)


def test_weights_are_not_negative_and_sum_to_one_at_every_lead() -> None:
    weights = Weights((0.0, 1.0, -3.0), (2.0, 0.0, 0.0), 10).at(np.arange(25))
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_array_equal(weights[9], weights[24])  # beyond what was judged nothing changes


def test_the_truth_among_the_members_gets_the_weight() -> None:
    seen = [Moments.of([noisy(t, 40, 1), t, noisy(t, 40, 2)], t, 255.0) for t in map(truth_of, range(3))]
    assert (fit_weights(seen, LEADS, 4).at(LEADS)[:, 1] > 0.9).all()


def test_members_that_err_independently_share_and_are_better_together() -> None:
    seen = [Moments.of([noisy(t, 40, 10 + i), noisy(t, 40, 20 + i)], t, 255.0) for i, t in enumerate(map(truth_of, range(3)))]
    weights = fit_weights(seen, LEADS, 4)
    np.testing.assert_allclose(weights.at(LEADS), 0.5, atol=0.1)
    alone = [score(seen, LEADS, Weights.single(i, 2, 4)).mean() for i in range(2)]
    assert score(seen, LEADS, weights).mean() > max(alone) + 0.02


def test_weights_pass_from_who_is_good_near_by_to_who_is_good_far_ahead() -> None:
    near, far = np.array([5, 20, 40, 80]), np.array([80, 40, 20, 5])
    rng = np.random.default_rng(0)

    def members(truth: np.ndarray) -> list[np.ndarray]:
        noise = [rng.normal(size=truth.shape).astype(np.float32) for _ in range(2)]
        return [truth + amount[:, None, None, None] * one for amount, one in zip((near, far), noise, strict=True)]

    at = fit_weights([Moments.of(members(t), t, 255.0) for t in map(truth_of, range(3))], LEADS, 4).at(LEADS)
    assert at[0, 0] > 0.8 and at[-1, 1] > 0.8 and (np.diff(at[:, 0]) < 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_on_what_it_was_fitted_to_a_blend_is_never_worse_than_its_best_member(seed: int) -> None:
    rng = np.random.default_rng(seed)
    biases, amounts = rng.normal(0, 30, 5), rng.uniform(1, 60, 5)
    seen = []
    for origin in range(3):
        truth = truth_of(100 * seed + origin)
        members = [noisy(truth, a, 7 * origin + i) + b for i, (a, b) in enumerate(zip(amounts, biases, strict=True))]
        seen.append(Moments.of(members, truth, 255.0))
    best = np.mean([single_scores(moments) for moments in seen], axis=0).max()
    for stiffness in (0.0, 0.01, 10.0):
        assert score(seen, LEADS, fit_weights(seen, LEADS, 4, stiffness=stiffness)).mean() >= best - 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_nor_is_it_without_the_members_of_little_weight(seed: int) -> None:
    """Many that err independently are better together than the best of them; few of them alone are not."""
    rng = np.random.default_rng(seed)
    amounts, seen = np.concatenate([[30.0], rng.uniform(45, 60, 9)]), []
    for origin in range(2):
        truth = truth_of(100 * seed + origin)
        members = [noisy(truth, a, 13 * origin + i) for i, a in enumerate(amounts)]
        seen.append(Moments.of(members, truth, 255.0))
    best = np.mean([single_scores(moments) for moments in seen], axis=0).max()
    for logs in (np.zeros(10), np.array([-2.0, 1.0, *np.zeros(8)])):
        whole = Weights(tuple(logs), tuple(logs), 4)
        for least in (0.0, 0.05, 0.099, 0.15):
            if (whole.at(LEADS).max(axis=0) < least).all():
                continue
            kept, weights = without_small(seen, LEADS, whole, 4, least)
            if score(seen, LEADS, whole).mean() >= best:
                assert score([one.only(kept) for one in seen], LEADS, weights).mean() >= best - 1e-6
            enough = np.flatnonzero(whole.at(LEADS).max(axis=0) >= least)
            assert set(enough) <= set(kept) or len(kept) == 1


def test_members_that_the_best_leaves_no_weight_are_not_kept() -> None:
    """Beside one that is exact every other makes it worse, however little it weighs."""
    seen = [Moments.of([t, noisy(t, 60, 1), noisy(t, 60, 2)], t, 255.0) for t in map(truth_of, range(2))]
    logs = tuple(np.log([0.2, 0.4, 0.4]))
    kept, weights = without_small(seen, LEADS, Weights(logs, logs, 4), 4, 0.3)
    assert kept == [0] and (weights.at(LEADS) == 1).all()


def test_the_same_moments_give_the_same_weights() -> None:
    seen = [Moments.of([noisy(t, 40, 1), noisy(t, 50, 2)], t, 255.0) for t in map(truth_of, range(2))]
    assert fit_weights(seen, LEADS, 4) == fit_weights(seen, LEADS, 4)


def test_judged_at_one_lead_only_the_weights_stay_as_they_were_fitted() -> None:
    seen = [Moments.of([noisy(t, 40, 1), noisy(t, 50, 2)], t, 255.0) for t in (truth_of(i, (1, 22, 25, 2)) for i in range(3))]
    at = fit_weights(seen, np.array([0]), 1).at(np.arange(5))
    np.testing.assert_array_equal(at, np.repeat(at[:1], 5, axis=0))


def test_beside_a_member_that_is_exact_the_fit_stays_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not rescued afterwards: the weights as they were fitted are looked at."""
    monkeypatch.setattr(blend, "never_below_the_best", lambda seen, leads, weights: weights)
    seen = [Moments.of([noisy(t, 40, 1), t], t, 255.0) for t in map(truth_of, range(2))]
    fitted = fit_weights(seen, LEADS, 4)
    assert np.isfinite([*fitted.first, *fitted.last]).all() and (fitted.at(LEADS)[:, 1] > 0.9).all()


def test_a_lead_that_origins_do_not_agree_on_counts_for_less() -> None:
    """Two members, the first ahead by .03 in the mean: by .03 everywhere, or by .12 here and behind there."""
    agreed = np.array([[0.83, 0.80], [0.73, 0.70], [0.63, 0.60]])
    disputed = np.array([[0.92, 0.80], [0.70, 0.70], [0.57, 0.60]])
    assert doubt(agreed) == pytest.approx(0.0, abs=1e-9)
    assert doubt(disputed) == pytest.approx(np.std([0.12, 0.0, -0.03], ddof=1) / 3**0.5)
    assert doubt(disputed[:1]) == doubt(disputed[:, :1]) == 0.0
    assert doubt(np.array([[0.9, 0.5, 0.89], [0.8, 0.1, 0.79]])) == pytest.approx(0.0, abs=1e-9), "one far behind says nothing"


def test_weights_lean_less_on_the_best_where_origins_do_not_agree() -> None:
    truths = [truth_of(seed) for seed in range(3)]

    def shares(amounts: list[tuple[float, float]], temperature: float | None = None) -> np.ndarray:
        seen = [
            Moments.of([noisy(t, one, 10 + i), noisy(t, other, 20 + i)], t, 255.0)
            for i, (t, (one, other)) in enumerate(zip(truths, amounts, strict=True))
        ]
        return fit_weights(seen, LEADS, 4, temperature=temperature, stiffness=10.0).at(LEADS)[:, 0]  # the prior, nearly

    agreed, disputed = [(40.0, 44.0)] * 3, [(30.0, 52.0), (42.0, 40.0), (42.0, 42.0)]
    np.testing.assert_allclose(shares(agreed), shares(agreed, TEMPERATURE), atol=0.02)
    assert (shares(disputed) < shares(disputed, TEMPERATURE) - 0.1).all() and (shares(disputed) > 0.5).all()
