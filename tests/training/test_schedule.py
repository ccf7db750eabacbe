import pytest

from framecast.training.schedule import Budget, learning_rate, sampling_at, unroll_at
from framecast.training.settings import TrainingSettings

QUESTION = TrainingSettings(learning_rate=1e-4, schedule="piecewise", drop_factor=0.2, drop_every=125 / 300, warmup=0.0)


@pytest.mark.parametrize(("epoch", "rate"), [(0, 1e-4), (124, 1e-4), (125, 2e-5), (249, 2e-5), (250, 4e-6), (299, 4e-6)])
def test_the_piecewise_rate_drops_at_the_epochs_of_the_question(epoch: int, rate: float) -> None:
    budget = Budget(epochs=300, steps_per_epoch=2)
    assert learning_rate(QUESTION, budget.fraction(epoch * 2)) == pytest.approx(rate)


def test_cosine_rises_through_the_warm_up_and_ends_at_zero() -> None:
    settings = TrainingSettings(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(settings, fraction / 1000) for fraction in range(1001)]
    assert rates[0] > 0
    assert max(rates) == pytest.approx(rates[100]) == pytest.approx(1.0)
    assert all(a >= b for a, b in zip(rates[100:], rates[101:], strict=False))
    assert rates[-1] == pytest.approx(0.0)


@pytest.mark.parametrize("warmup", [1e-6, 1e-4, 9e-4, 0.002, 0.5])
def test_a_warm_up_of_any_length_never_passes_the_learning_rate(warmup: float) -> None:
    settings = TrainingSettings(learning_rate=1e-3, warmup=warmup)
    assert all(0 < learning_rate(settings, warmup * share) <= 1e-3 for share in (0.0, 0.3, 0.7, 0.999))


def test_the_unroll_doubles_to_its_full_length_and_never_exceeds_what_fits() -> None:
    settings = TrainingSettings(unroll=8)
    lengths = [unroll_at(settings, fraction / 1000, longest=100) for fraction in range(1001)]
    assert sorted(set(lengths)) == [1, 2, 4, 8]
    assert lengths == sorted(lengths)
    assert lengths[-1] == 8
    assert unroll_at(settings, 1.0, longest=5) == 5
    assert unroll_at(TrainingSettings(unroll=6, unroll_curriculum=False), 0.0, longest=100) == 6


def test_the_unroll_never_leaves_a_part_of_a_block_untrained() -> None:
    growing, fixed = TrainingSettings(unroll=20), TrainingSettings(unroll=20, unroll_curriculum=False)
    lengths = [unroll_at(growing, fraction / 100, longest=100, block=5) for fraction in range(101)]
    assert sorted(set(lengths)) == [5, 10, 20] and lengths == sorted(lengths)
    assert unroll_at(fixed, 0.0, longest=100, block=5) == 20
    for settings in (growing, fixed):
        assert {unroll_at(settings, fraction / 10, longest=100, block=30) for fraction in range(11)} == {30}
        assert unroll_at(settings, 1.0, longest=12, block=5) == 12


def test_a_time_limit_ends_a_run_that_has_epochs_left() -> None:
    now = [0.0]
    budget = Budget(epochs=1000, steps_per_epoch=10, seconds=60.0, clock=lambda: now[0])
    now[0] = 30.0
    assert budget.fraction(steps=10) == pytest.approx(0.5)
    now[0] = 90.0
    assert budget.fraction(steps=20) == 1.0


def test_steps_end_a_run_that_has_epochs_left_and_epochs_one_that_has_steps_left() -> None:
    budget = Budget(epochs=10, steps_per_epoch=4, steps=10)
    assert [budget.fraction(steps) for steps in (5, 10)] == [0.5, 1.0]
    assert budget.n_epochs() == 3 and budget.n_epochs(0.5) == 2
    assert Budget(epochs=2, steps_per_epoch=4, steps=10).fraction(8) == 1.0


@pytest.mark.parametrize("sampling", ["scheduled", "reverse"])
def test_mixing_falls_from_its_start_to_none_before_the_run_ends(sampling: str) -> None:
    settings = TrainingSettings(sampling=sampling, sampling_start=0.8)
    chances = [sampling_at(settings, fraction / 100) for fraction in range(101)]
    assert chances[0] == 0.8 and chances == sorted(chances, reverse=True) and chances[60:] == [0.0] * 41
    assert sampling_at(TrainingSettings(sampling_start=0.8), 0.0) == 0.0
