"""Each fault is found in a made series that has exactly it, and in no other."""

import re
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from framecast.evaluation.case import Case, lead_from
from framecast.evaluation.diagnosis import FAULTS, NOTHING, diagnose, in_lines
from framecast.evaluation.faults.finding import Finding, number
from framecast.evaluation.faults.grid import grid
from framecast.evaluation.faults.level import drifted, exploded
from framecast.forecasters.catalog import FORECASTERS
from framecast.series.preparation import reduce_frames
from tests.evaluation.made_faults import MADE, case, frames, near, stored


def found(name: str) -> dict[str, Finding]:
    return {one.name: one for one in diagnose(MADE[name][0]())}


@pytest.mark.parametrize("name", MADE)
def test_what_is_wrong_is_found_and_nothing_else_is(name: str) -> None:
    findings = found(name)
    assert set(findings) == MADE[name][1]
    for finding in findings.values():
        assert 1 <= finding.lead <= 20 and 0 < finding.strength <= 1
        assert finding.sentence.endswith(".") and finding.advice.endswith(".")
        assert not finding.sentence.startswith(" ") and "nan" not in finding.sentence


def test_every_fault_is_found_somewhere() -> None:
    assert set().union(*(expected for _, expected in MADE.values())) == set(FAULTS)


def test_it_says_from_which_lead() -> None:
    assert 9 <= found("frozen late")["frozen"].lead <= 12
    assert found("frozen")["frozen"].lead == 1
    assert 4 <= found("erased")["erased"].lead <= 8
    assert 5 <= found("something new")["new_content"].lead <= 8
    assert found("told again")["replaying"].lead == 1


def test_it_says_by_how_much() -> None:
    slow = "at 50 % of the true speed: at lead 20 it shows what was there at lead 10"
    assert slow in found("half the speed")["mistimed"].sentence
    assert "3 frames behind" in found("three frames behind")["mistimed"].sentence
    assert "2 frames ahead" in found("two frames ahead")["mistimed"].sentence
    assert "60 too high" in found("brighter")["drifted"].sentence
    assert "its colours shift: red +24" in found("off colour")["drifted"].sentence
    assert "frame 31 of the series" in found("told again")["replaying"].sentence, "lead 11 is frame 31 told again"


def test_what_began_long_before_is_not_explained_by_what_it_leads_to() -> None:
    """A level that rises from the start reaches the end of the range only at the end: both are told."""
    rise = 6.5 * np.arange(1, 21)[:, None, None, None]
    findings = {one.name: one for one in diagnose(case(near() + rise))}
    assert findings["exploded"].lead > findings["drifted"].lead + 5
    assert findings["drifted"].lead <= 5


def test_half_the_fault_is_half_as_strong() -> None:
    assert found("frozen late")["frozen"].strength < 0.6 * found("frozen")["frozen"].strength


def test_mistakes_come_before_limits_and_the_strongest_first() -> None:
    findings = diagnose(MADE["erased"][0]())
    assert [one.name for one in findings] == ["erased", "frozen"]
    with_limit = diagnose(replace(MADE["frozen"][0](), ceiling=0.8, reached=0.79, working_size=32))
    assert [one.limit for one in with_limit] == sorted(one.limit for one in with_limit)


@pytest.mark.parametrize("name", ["frozen", "drifted", "blurred", "exploded", "mistimed", "replaying", "erased"])
def test_a_rule_gets_other_advice_than_a_network(name: str) -> None:
    made = next(make for make, expected in MADE.values() if name in expected)()
    look = FAULTS[name].look
    network, rule = look(made), look(replace(made, learned=False))
    assert network is not None and rule is not None and network.sentence == rule.sentence
    assert "epoch" not in rule.advice and "unroll" not in rule.advice and "loss" not in rule.advice


@pytest.mark.parametrize("learned", [True, False])
def test_forecasters_and_settings_are_named_as_the_pages_name_them(learned: bool) -> None:
    """Who reads 'advect' or 'residual' finds no such button."""
    advice = " ".join(one.advice for name in MADE for one in diagnose(replace(MADE[name][0](), learned=learned)))
    others = {name for name, kind in FORECASTERS.items() if kind.title.lower() != name} - {"damped"}  # also a common word
    assert "Optical flow" in advice and not set(re.findall(r"\w+", advice)) & {*others, "auto", "residual"}
    assert "optical flow" not in advice and "damped persistence" not in advice


def test_a_mask_hides_what_is_wrong_outside_it() -> None:
    truth = frames(np.arange(80, 100), seed=1)
    spoilt = near()
    spoilt[:, :16] = 0
    valid = np.ones((64, 64), bool)
    valid[:18] = False
    seen, masked = diagnose(case(spoilt, truth)), diagnose(case(spoilt, truth, valid=valid))
    assert seen and {one.name for one in masked} <= {"noise_limited"} < {one.name for one in seen} | {"noise_limited"}


def test_a_masked_history_is_never_held_whole() -> None:
    history = np.random.default_rng(0).integers(0, 255, (60, 200, 200, 3)).astype(np.uint8)
    valid = np.ones((200, 200), bool)
    valid[:50] = False
    made = Case(history[:2], history[:2], history, 255.0, valid)
    tracemalloc.start()
    small = made.small_history
    peak = tracemalloc.get_traced_memory()[1] - small.nbytes
    tracemalloc.stop()
    assert peak < history.nbytes / 4
    blank = history[7] * valid[..., None]
    np.testing.assert_array_equal(small[7], reduce_frames(blank[None], made.shape)[0, made.cells])


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (2, 40), (200, 7)])
@pytest.mark.parametrize(("horizon", "n_history"), [(1, 2), (5, 3)])
def test_any_size_and_length_can_be_diagnosed(shape: tuple[int, int], horizon: int, n_history: int) -> None:
    generator = np.random.default_rng(0)
    made = [generator.integers(0, 255, (n, *shape, 3)).astype(np.uint8) for n in (horizon, horizon, n_history)]
    assert isinstance(diagnose(Case(*made, 255.0)), list)


def test_a_series_that_stands_still_has_no_fault() -> None:
    still = np.repeat(frames([3.0], noise=0), 20, axis=0)
    assert diagnose(Case(still, still, np.repeat(still[:1], 40, axis=0), 255.0)) == []


def test_a_blank_last_frame_has_no_contrast_that_a_drift_could_be_a_share_of() -> None:
    made = case(np.full((20, 64, 64, 1), 140.0))
    history = made.history.copy()
    history[-1] = 0
    finding = drifted(replace(made, history=history))
    assert finding is not None and finding.sentence.endswith("too high at the last lead.")


def test_floating_point_values_far_from_zero_are_diagnosed_alike() -> None:
    made = MADE["half the speed"][0]()
    arrays = {name: getattr(made, name).astype(np.float32) + 100_000 for name in ("forecast", "truth", "history")}
    assert [one.name for one in diagnose(replace(made, **arrays))] == ["mistimed"]


@pytest.mark.parametrize("scale", [1e-30, 1e-7, 1e30])
@pytest.mark.parametrize("name", MADE)
def test_numbers_of_any_size_have_the_faults_of_others(name: str, scale: float) -> None:
    """And no warning, which would be an error here."""
    made = MADE[name][0]()
    arrays = {part: getattr(made, part).astype(np.float32) * np.float32(scale) for part in ("forecast", "truth", "history")}
    findings = diagnose(replace(made, **arrays, data_range=made.data_range * scale))
    assert [(one.name, one.lead) for one in findings] == [(one.name, one.lead) for one in found(name).values()]


@pytest.mark.parametrize(
    ("value", "text"), [(3.2e-9, "3.2e-09"), (0.0000456, "0.000046"), (12.34, "12.3"), (45678.0, "45678"), (2e15, "2e+15")]
)
def test_small_and_large_numbers_are_told_as_they_are(value: float, text: str) -> None:
    assert number(value) == text


def test_a_finding_survives_being_kept_and_is_told_in_a_line() -> None:
    finding = found("frozen")["frozen"]
    assert Finding.from_mapping(finding.to_mapping()) == finding
    assert in_lines([finding]) == [f"Frozen (strong): {finding.sentence} {finding.advice}"]
    assert in_lines([]) == [NOTHING]


def test_a_fault_counts_from_where_it_stays() -> None:
    assert lead_from(np.array([0, 1, 0, 0, 1, 1, 1, 1, 1, 1], bool)) == 5
    assert lead_from(np.array([1, 1, 1, 1, 0], bool)) == 1
    assert lead_from(np.array([1, 0, 0, 0, 0], bool)) is None
    assert lead_from(np.zeros(4, bool)) is None


def test_a_contrast_that_grows_within_the_range_is_told_as_such() -> None:
    stripes = np.where(np.arange(64) % 8 < 4, 60.0, -60.0)[:, None, None] * np.linspace(0, 1, 20)[:, None, None, None]
    growing = exploded(case(110 + np.broadcast_to(stripes, (20, 64, 64, 1))))
    assert growing is not None and growing.lead > 5
    assert "its contrast is up to" in growing.sentence and "0 %" not in growing.sentence


def test_a_grid_is_told_by_its_period_and_only_of_what_paints() -> None:
    made = MADE["grid of the working size"][0]()
    finding = grid(made)
    assert finding is not None and finding.lead == 1 and "repeats every 4 pixels" in finding.sentence
    assert grid(replace(made, learned=False)) is None
    both = replace(made, truth=stored(made.truth + (made.forecast - near())))
    assert grid(both) is None, "a ripple that the truth has too is no fault"


def _crossing(leads: range, gaps: tuple[int, ...] = ()) -> np.ndarray:
    """uint8: a disc without noise that crosses an even background, absent at the leads of `gaps`, from 0."""
    y, x = np.mgrid[:64, :64]
    there = np.stack([((y - 32) ** 2 + (x - 5 - 2 * lead % 54) ** 2 < 36) & (lead not in gaps) for lead in leads])
    return np.where(there, 220, 40).astype(np.uint8)[..., None]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("gaps", [(14,), (14, 15), (19,), (3, 7, 9, 11, 13, 19)])
@pytest.mark.parametrize("name", ["erased", "blurred"])
def test_leads_at_which_the_truth_is_empty_take_nothing_from_a_fault(name: str, gaps: tuple[int, ...]) -> None:
    truth = _crossing(range(20))
    forecast = np.full_like(truth, 40) if name == "erased" else stored(gaussian_filter(truth.astype(float), (0, 3, 3, 0)))
    history = _crossing(range(-60, 0))
    whole, gapped = (
        FAULTS[name].look(Case(forecast, one, history, 255.0)) for one in (truth, _crossing(range(20), gaps))
    )
    assert whole is not None and gapped is not None
    assert (gapped.lead, gapped.severity) == (whole.lead, whole.severity)
    assert abs(gapped.strength - whole.strength) <= 0.05 and "nan" not in gapped.sentence
    assert ("at lead 19." in gapped.sentence) == (name == "blurred" and 19 in gaps)
