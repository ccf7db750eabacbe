"""A spread that is wrong in a known way is put right, and what was not seen is not made up."""

import numpy as np
import pytest

from framecast.forecasters.calibration import NORMAL_REACH, REACHES, SpreadLaw, ensemble_variance, fit_spread
from framecast.forecasters.ensemble_state import Judged
from framecast.series.frames import FrameSeries, Split

N_LEADS, N_SAMPLES = 12, 4000


def judged(law: SpreadLaw, members: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Spread divided by error, and the share of the truth that the interval holds."""
    error, held, spread = [], [], []
    for index in range(len(truth)):
        deviation = law.deviation(index, ensemble_variance(members[:, index]))
        wrong = np.abs(members[:, index].mean(axis=0) - truth[index])
        error.append((wrong**2).mean())
        spread.append((deviation**2).mean())
        held.append((wrong <= law.reach[index] * deviation).mean())
    return float((np.mean(spread) / np.mean(error)) ** 0.5), float(np.mean(held))


def made(seed: int, n_members: int, factor: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Members whose spread is `factor` times too small, around a truth with `noise` that none of them knows. Where they
    differ, and by how much, is a matter of the place; it grows with the lead."""
    rng = np.random.default_rng(seed)
    place = np.random.default_rng(1).gamma(2.0, 1.0, N_SAMPLES)
    scale = place * np.sqrt(np.arange(1, N_LEADS + 1))[:, None]
    truth = scale * rng.normal(size=(N_LEADS, N_SAMPLES)) + noise * rng.normal(size=(N_LEADS, N_SAMPLES))
    members = scale * rng.normal(size=(n_members, N_LEADS, N_SAMPLES)) / factor
    return members.astype(np.float32), truth.astype(np.float32)


@pytest.mark.parametrize(("factor", "noise"), [(1.0, 0.0), (4.0, 0.0), (3.0, 2.0), (0.5, 0.0), (1e6, 2.0)])
@pytest.mark.parametrize("n_members", [3, 8])
def test_a_spread_of_known_wrongness_is_put_right(factor: float, noise: float, n_members: int) -> None:
    """Fitted on one draw, judged on another."""
    law = fit_spread(*made(0, n_members, factor, noise))
    ratio, held = judged(law, *made(1, n_members, factor, noise))
    assert ratio == pytest.approx(1.0, abs=0.1)
    assert held == pytest.approx(0.8, abs=0.04)


def test_noise_that_no_member_knows_becomes_the_constant() -> None:
    rng = np.random.default_rng(0)
    members = np.zeros((3, N_LEADS, N_SAMPLES), np.float32)
    truth = rng.normal(0, 5.0, (N_LEADS, N_SAMPLES)).astype(np.float32)
    law = fit_spread(members, truth)
    np.testing.assert_allclose(law.constant, 25.0, rtol=0.1)
    np.testing.assert_allclose(law.reach, NORMAL_REACH, rtol=0.05)
    assert not any(law.factor)


@pytest.mark.parametrize("n_members", [1, 3])
def test_members_that_agree_everywhere_are_as_unsure_as_they_were_wrong_however_odd_the_errors(n_members: int) -> None:
    """Where most pixels stand still and a few are far off, less spread would have a better CRPS, and be too sure."""
    truth = np.random.default_rng(0).standard_t(3, (N_LEADS, N_SAMPLES)) ** 3
    law = fit_spread(np.zeros((n_members, N_LEADS, N_SAMPLES), np.float32), truth.astype(np.float32))
    assert np.mean(law.constant) == pytest.approx(float((truth**2).mean()), rel=0.2) and not any(law.factor)


def test_where_nothing_was_wrong_nothing_is_unsure() -> None:
    still = np.ones((3, 4, 10), np.float32)
    law = fit_spread(still, still[0])
    assert not any(law.constant) and not law.deviation(3, ensemble_variance(still[:, 3])).any()
    assert all(REACHES[0] <= reach <= REACHES[1] for reach in law.reach)


def test_one_lead_and_one_member_are_enough() -> None:
    law = fit_spread([np.array([[1.0, 2.0]])], np.array([[2.0, 4.0]]))
    assert law.constant == pytest.approx((2.5,)) and law.factor == (0.0,)


def test_beyond_its_last_lead_the_law_stays_as_it_was() -> None:
    law = SpreadLaw((1.0, 2.0), (3.0, 4.0), (1.0, 1.2))
    assert law.over(4) == SpreadLaw((1.0, 2.0, 2.0, 2.0), (3.0, 4.0, 4.0, 4.0), (1.0, 1.2, 1.2, 1.2))
    assert law.over(1) == SpreadLaw((1.0,), (3.0,), (1.0,))


@pytest.mark.parametrize("unit", [2.0**70, 2.0**-80])
def test_whatever_the_unit_the_spread_is_judged_alike(unit: float) -> None:
    """Squares of such numbers leave float32."""
    rng, split = np.random.default_rng(0), Split.of(40, 10, 10)
    frames, members = (rng.normal(size=(n, 12, 13, 1)).astype(np.float32) for n in (30, 20))
    found = []
    for scale in (np.float32(1), np.float32(unit)):
        judged = Judged(FrameSeries("noise", frames * scale, (-5 * float(scale), 5 * float(scale))), split)
        law = judged.with_those_of(0, iter((members * scale).reshape(2, 10, 12, 13, 1)))
        found.append((judged.raw_share, law))
    (share, law), (other_share, other) = found
    assert share == pytest.approx(other_share) and 0.3 < share < 1
    np.testing.assert_allclose(np.divide(other.constant, unit**2), law.constant, rtol=1e-5)
    np.testing.assert_allclose([other.factor, other.reach], [law.factor, law.reach], rtol=1e-5)
