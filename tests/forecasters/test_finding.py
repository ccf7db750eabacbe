"""What a blend found is said in words that the numbers hold: who carries it, what networks add, how far it was worth it."""

import numpy as np
import pytest

from framecast.forecasters.blend import Moments, Weights
from framecast.forecasters.finding import found_in_words

LEADS, HORIZON = np.array([0, 4, 9]), 10
NAMES = ["persistence", "seasonal", "unet"]


def moments(*errors: float | list[float]) -> list[Moments]:
    """Of one origin: members that are off by so many grey levels everywhere, at all leads or lead by lead."""
    truth = np.random.default_rng(0).uniform(60, 190, (len(LEADS), 16, 17, 1)).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=truth.shape).astype(np.float32)
    members = [truth + noise * np.broadcast_to(error, len(LEADS))[:, None, None, None] for error in errors]
    return [Moments.of(members, truth, 255.0)]


def weights(*shares: float) -> Weights:
    logs = tuple(float(log) for log in np.log(np.maximum(shares, 1e-9)))
    return Weights(logs, logs, HORIZON)


def said(seen: list[Moments], at: Weights, names: list[str] = NAMES, horizon: int = HORIZON, how: str = "") -> str:
    return found_in_words(names, seen, at, LEADS, horizon, how)


def test_who_carries_it_how_and_who_helps() -> None:
    found = said(moments(60, 20, 40), weights(0.02, 0.8, 0.18), how="A period of 12 frames was found.")
    assert found.startswith("Seasonal (80%) carries this series; U-Net (18%) helps. A period of 12 frames was found. ")
    shared = said(moments(60, 20, 40), weights(0.0, 0.5, 0.5))
    assert shared.startswith("This series is shared between Seasonal (50%) and U-Net (50%).")


def test_networks_without_weight_add_nothing_and_with_some_little() -> None:
    seen = moments(60, 20, 200)
    assert "Networks add nothing to the simple rules here." in said(seen, weights(0.0, 0.95, 0.05))
    assert "Networks add little to the simple rules here." in said(moments(60, 20, 20), weights(0.0, 0.7, 0.3))
    assert "etworks" not in said(moments(60, 20), weights(0.0, 1.0), NAMES[:2]), "nothing is said of what was not tried"


def test_what_networks_add_is_the_gain_over_the_rules_alone() -> None:
    seen = moments(60, 30, 5)
    rules, all_of_it = (part.ssim(np.tile(np.float32(at), (3, 1))).mean() for part, at in (
        (seen[0].only([0, 1]), [0, 1]), (seen[0], [0, 0, 1])
    ))  # fmt: skip
    assert f"networks added {all_of_it - rules:.3f} to the mean SSIM" in said(seen, weights(0.0, 0.0, 1.0))


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ([10, 10, 10], "it beat repeating the last frame at every lead up to 10."),
        ([10, 10, 90], "nothing beat repeating the last frame after lead 5."),
        ([10, 90, 10], "it beat repeating the last frame up to lead 1, and at some leads after that."),
        ([90, 90, 90], "nothing beat repeating the last frame."),
        ([90, 10, 10], "it beat repeating the last frame only from lead 5 on."),
        ([90, 10, 90], "it beat repeating the last frame only at some leads, the first of them lead 5."),
    ],
)
def test_how_far_ahead_it_was_better_than_the_last_frame(rule: list[float], sentence: str) -> None:
    assert said(moments(60, rule), weights(0.0, 1.0), NAMES[:2]).endswith(f"On earlier frames {sentence}")


def test_equal_to_the_last_frame_is_not_better() -> None:
    assert said(moments(60, 10), weights(1.0, 0.0), NAMES[:2]).endswith("nothing beat repeating the last frame.")
