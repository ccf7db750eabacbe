"""The size that a short trial chooses: the largest that the time pays for, never beyond native; and it touches nothing."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from framecast.errors import DeviceMemoryError, SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.sizing import ENOUGH_STEPS, RECIPE_SIZE, SMALLEST, USUAL_SIZES, Sized, SizeQuestion, choose_size
from framecast.runs.trial import Question, Trial
from framecast.series.frames import Split

SPLIT = Split.of(400, 50)
Timer = Callable[[Question], Trial]


def question(name: str = "unet", height: int = 785, width: int = 785, **changes: object) -> SizeQuestion:
    settings = FORECASTERS[name].configure(None, {"minutes": 5.0, **changes}, SPLIT)
    return SizeQuestion(name, settings.to_mapping(), height, width, 3, "cpu", 1, SPLIT.to_mapping())


def device(ns_a_pixel: float, overhead_s: float = 0.002) -> Timer:
    """Costs in proportion to pixels and feature maps, beside what every step costs."""

    def timer(asked: Question) -> Trial:
        maps = float(asked.settings.get("width", 32)) / 32
        short = overhead_s + 1e-9 * ns_a_pixel * maps * asked.height * asked.width
        return Trial(short, 8 * short, 0)

    return timer


def n_maps(found: Sized) -> int:
    return found.widths.get("width", 32)


@examples(max_examples=15, deadline=None)
@given(st.floats(1.0, 1e5), st.floats(1.0, 100.0), st.integers(20, 1200))
def test_a_slower_device_never_gets_a_larger_size_nor_more_feature_maps(ns: float, times: float, side: int) -> None:
    quick, slow = (choose_size(question(height=side, width=side + 7), device(one)) for one in (ns, ns * times))
    assert (slow.size, n_maps(slow)) <= (quick.size, n_maps(quick))
    assert quick.size <= side and (quick.size in USUAL_SIZES or quick.size == side)
    assert quick.size >= min(SMALLEST, side)


@examples(max_examples=15, deadline=None)
@given(st.floats(1.0, 1e5), st.floats(0.1, 60.0), st.floats(1.0, 20.0))
def test_more_time_never_gives_a_smaller_size(ns: float, minutes: float, times: float) -> None:
    short, long = (choose_size(question(minutes=one), device(ns)) for one in (minutes, minutes * times))
    assert (short.size, n_maps(short)) <= (long.size, n_maps(long))


@pytest.mark.parametrize("ns", [3.0, 100.0, 3000.0])
def test_the_size_makes_enough_steps_and_the_next_larger_one_would_not(ns: float) -> None:
    found = choose_size(question(), device(ns))
    assert found.n_steps >= ENOUGH_STEPS == found.enough
    assert found.seconds == 0.4 * 300  # the refit has the rest
    if found.size < 785:
        next_size = min(size for size in (*USUAL_SIZES, 785) if size > found.size)
        assert found.larger is not None and found.larger[1] < ENOUGH_STEPS
        assert found.larger[0] == next_size or found.size <= RECIPE_SIZE
        assert f"at {found.larger[0]} px" in found.sentence() or "all feature maps" in found.sentence()
    else:
        assert "the whole frame" in found.sentence()


def test_feature_maps_give_way_only_where_the_size_of_the_recipe_is_too_slow() -> None:
    slow = 0.15 * 1e9 / 64**2 / 3.5
    found = choose_size(question(), device(slow))
    assert (found.size, dict(found.widths)) == (64, {"width": 16})
    kept = SizeQuestion(**{**vars(question()), "vary_width": False})
    assert choose_size(kept, device(slow)).widths == {} and choose_size(kept, device(slow)).size < 64
    assert choose_size(question(), device(1.0)).widths == {}


def test_too_little_time_is_said_with_what_to_do() -> None:
    found = choose_size(question(), device(1e6))
    assert found.size == SMALLEST and found.n_steps < found.enough
    assert found.sentence().endswith("fewer than the 800 that a useful forecast took. Give it more time.")


def test_a_run_that_asks_for_fewer_steps_needs_no_more() -> None:
    few = choose_size(question(steps=50, epochs=1000), device(1000.0))
    assert few.enough == 50 and few.size > choose_size(question(), device(1000.0)).size


def test_without_a_time_limit_five_minutes_count() -> None:
    assert choose_size(question(minutes=0.0), device(500.0)) == choose_size(question(minutes=5.0), device(500.0))


def test_a_size_that_memory_refuses_is_not_chosen() -> None:
    def timer(asked: Question) -> Trial:
        if asked.height > 128:
            raise DeviceMemoryError("full")
        return device(1.0)(asked)

    found = choose_size(question(), timer)
    assert found.size == 128 and found.larger == (192, 0) and "192 px do not fit into memory" in found.sentence()


def test_what_would_take_long_to_measure_is_reckoned_and_said_so() -> None:
    asked: list[Question] = []

    def timer(one: Question) -> Trial:
        asked.append(one)
        return device(1000.0)(one)

    found = choose_size(question(minutes=600.0), timer)
    assert not found.measured and "reckoned from a smaller size" in found.sentence()
    assert found.size > max(one.height for one in asked)


def test_protocols_are_timed_by_a_network_and_its_share_of_the_time() -> None:
    auto, four = choose_size(question("auto"), device(100.0)), choose_size(question("ensemble", members=4), device(100.0))
    assert auto.network == "Learned flow" and auto.seconds < 300 and not auto.widths
    assert four.network == "U-Net" and four.seconds == pytest.approx(0.4 * 300 / 4)
    with pytest.raises(SettingError, match="trains no network that could be timed. Choose a working size by hand"):
        choose_size(question("auto", networks="none"), device(1.0))


def test_a_trial_leaves_random_states_and_files_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRAMECAST_WORKSPACE", str(tmp_path / "workspace"))
    torch.manual_seed(3)
    np.random.seed(3)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    threads = torch.get_num_threads()
    found = choose_size(_tiny())
    assert found.size <= 32 and found.step_s > 0 and found.measured
    assert torch.equal(torch.get_rng_state(), before) and np.array_equal(np.random.get_state()[1], numpy_before)
    assert torch.get_num_threads() == threads and not list(tmp_path.iterdir())


def _tiny() -> SizeQuestion:
    settings = FORECASTERS["unet"].configure(None, {"width": 4, "levels": 1, "context": 2, "unroll": 2, "steps": 5}, SPLIT)
    return SizeQuestion("unet", settings.to_mapping(), 32, 40, 1, "cpu", 1, SPLIT.to_mapping())
