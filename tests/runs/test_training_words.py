"""Each sentence is said of a history that has exactly that, and of none that does not."""

from typing import Any

import pytest

from framecast.runs.training_words import (
    blown_up,
    blurred,
    frozen,
    memorising,
    not_improved,
    rate_halved,
    sees_ahead,
    training_words,
)

N_LEADS = 40
CLEAN_CURVES = {
    "ssim": [0.95 - 0.004 * lead for lead in range(N_LEADS)],
    "mse": [0.5 + 0.1 * lead for lead in range(N_LEADS)],
    "persistence_ssim": [0.9 - 0.01 * lead for lead in range(N_LEADS)],
    "persistence_mse": [1.0 + 0.2 * lead for lead in range(N_LEADS)],
    "sharpness": [0.95 - 0.005 * lead for lead in range(N_LEADS)],
    "motion": [0.9 - 0.005 * lead for lead in range(N_LEADS)],
}


def history(n_epochs: int = 20, **latest_curves: list[float]) -> list[dict[str, Any]]:
    """A run that goes well; in its last validation the curves are as asked."""
    rows = [
        {
            "stage": "Finding out how long to train",
            "epoch": epoch,
            "step": 10 * epoch,
            "fraction": epoch / n_epochs,
            "train_loss": 1 / epoch,
            "valid_scores": {"ssim": 1 - 1 / (epoch + 2), "mse": 1 / epoch},
            "valid_curves": CLEAN_CURVES,
            "learning_rate": 1e-3 * (1 - epoch / (n_epochs + 1)),
            "epoch_done": True,
        }
        for epoch in range(1, n_epochs + 1)
    ]
    rows[-1]["valid_curves"] = {**CLEAN_CURVES, **latest_curves}
    return rows


def with_validation(ssim: list[float], mse: list[float], loss: list[float]) -> list[dict[str, Any]]:
    rows = history(len(ssim))
    for row, *numbers in zip(rows, ssim, mse, loss, strict=True):
        row["valid_scores"] = {"ssim": numbers[0], "mse": numbers[1]}
        row["train_loss"] = numbers[2]
    return rows


def test_of_a_run_that_goes_well_only_good_is_said() -> None:
    for n_epochs in (1, 2, 5, 20, 60):
        assert {found.kind for found in training_words(history(n_epochs))} == {"good"}
    assert training_words([]) == []


def test_validation_that_does_not_improve_is_said_with_the_number_of_epochs() -> None:
    rising = [0.5 + 0.01 * epoch for epoch in range(8)]
    stuck = with_validation([*rising, *[0.55] * 12], [1.0] * 20, [1.0] * 20)
    found = not_improved(stuck)
    assert found is not None and found.sentence == "Validation has not improved for 12 epochs."
    assert not_improved(stuck[:12]) is None, "four epochs say nothing"
    assert not_improved(stuck, "mse") is not None


def test_memorising_needs_both_a_falling_loss_and_a_rising_error() -> None:
    falling = [1 / (epoch + 1) for epoch in range(20)]
    rising = [*falling[:8], *[falling[7] * (1 + 0.05 * epoch) for epoch in range(1, 13)]]
    ssim = [0.5] * 20
    found = memorising(with_validation(ssim, rising, falling))
    assert found is not None and "it is memorising" in found.sentence
    assert memorising(with_validation(ssim, falling, falling)) is None
    assert memorising(with_validation(ssim, rising, [*falling[:8], *[falling[7]] * 12])) is None
    assert memorising(with_validation(ssim, rising, falling)[:10]) is None, "two validations may be chance"


def test_a_frozen_forecast() -> None:
    found = frozen(history(motion=[0.01] * N_LEADS))
    assert found is not None and found.sentence.startswith("The forecast has frozen: ")
    late = frozen(history(motion=[0.8] * 9 + [0.01] * (N_LEADS - 9)))
    assert late is not None and "frozen from lead 10 on" in late.sentence
    assert frozen(history(motion=[0.01] * 20 + [0.8] * 20)) is None, "it moves again"
    assert frozen(history(motion=[0.0] * N_LEADS, persistence_mse=[0.0] * N_LEADS)) is None, "the truth does not move"
    begun = history(motion=[0.0] * N_LEADS)
    begun[-1]["fraction"] = 0.05
    assert frozen(begun) is None, "at birth every network repeats the last frame"


def test_it_blurs_after_the_lead_at_which_it_was_last_sharp() -> None:
    found = blurred(history(sharpness=[0.9] * 8 + [0.5] * (N_LEADS - 8)))
    assert found is not None and found.sentence == "It blurs after lead 8."
    always = blurred(history(sharpness=[0.3] * N_LEADS))
    assert always is not None and always.sentence == "It blurs from the first lead on."
    assert blurred(history(sharpness=[0.9] * 8 + [0.5] * 4 + [0.9] * 28)) is None
    assert blurred(history(sharpness=[1.4] * N_LEADS)) is None


@pytest.mark.parametrize("value", [1e4, float("nan"), float("inf")])
def test_it_blew_up_at_the_lead_where_the_error_runs_away(value: float) -> None:
    found = blown_up(history(mse=[1.0] * 30 + [value] * 10))
    assert found is not None and found.sentence.startswith("It blew up at lead 31: ")
    assert blown_up(history(mse=[1.0] * 20 + [value] + [1.0] * 19)) is None
    assert training_words(history(mse=[1.0] * 30 + [value] * 10))[0] == found, "the most serious comes first"


def test_a_rate_that_was_halved_after_an_explosion() -> None:
    rows = history(10)
    assert rate_halved(rows) is None
    once = [*rows[:6], *[{**row, "set_backs": 1} for row in rows[6:]]]
    found = rate_halved(once)
    assert found is not None and found.sentence == "The learning rate was halved after the loss exploded."
    twice = rate_halved([*once, {**rows[-1], "set_backs": 2}])
    assert twice is not None and "halved 2 times" in twice.sentence
    assert rate_halved([*once, {**rows[-1], "stage": "Training on all history"}]) is None, "a new stage has its own rate"


def test_how_far_it_sees_ahead() -> None:
    better = [0.95] * 9 + [0.1] * (N_LEADS - 9)
    found = sees_ahead(history(ssim=better))
    assert found is not None and "up to lead 9" in found.sentence
    assert sees_ahead(history(ssim=[0.1] * N_LEADS)) is None


def test_rows_of_older_runs_have_no_curves_and_are_read() -> None:
    rows = history()
    for row in rows:
        del row["valid_curves"]
    assert [found.kind for found in training_words(rows)] == []
