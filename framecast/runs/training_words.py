"""What a training run is doing, in words: read off its progress while it runs, each finding with what to try.

A finding is only given where the numbers show it over several validations or leads; a run that just begins, or that goes
well, is not talked down. Nothing here knows the network: a history is rows as in progress.jsonl, oldest first.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Row = Mapping[str, Any]
History = Sequence[Row]

PATIENCE = 5
"""Validations, and epochs, without improvement before it is said."""
WORSE = 1.1
"""Times the best squared error that counts as risen."""
STILL = 0.05
"""Share of the true motion below which a forecast stands still."""
BLURRED, SHARP = 0.6, 0.75
"""Shares of the true steps between neighbouring pixels: below the one a frame is blurred, above the other it is not."""
BLOWN = 4.0
"""Times the squared error of the last frame repeated."""
EARLY = 0.15
"""Share of the fit in which a forecast is still what it was at birth."""


@dataclass(frozen=True)
class Finding:
    kind: Literal["good", "note", "warning"]
    sentence: str
    advice: str
    """What to try."""


def training_words(history: History, select_by: str = "ssim") -> list[Finding]:
    """What can be said of a run by now, the most serious first. `select_by` is the score that chooses the weights."""
    warnings = [word(history) for word in (blown_up, rate_halved, frozen, blurred, memorising)]
    others = [not_improved(history, select_by), sees_ahead(history)]
    return [found for found in (*warnings, *others) if found is not None]


def not_improved(history: History, select_by: str = "ssim") -> Finding | None:
    """'Validation has not improved for 12 epochs.'"""
    rows = _validated(history)
    scores = [row["valid_scores"].get(select_by, math.nan) * (-1 if select_by == "mse" else 1) for row in rows]
    known = [index for index, score in enumerate(scores) if math.isfinite(score)]
    if not known:
        return None
    best = max(known, key=lambda index: scores[index])
    n_epochs = rows[-1]["epoch"] - rows[best]["epoch"]
    if len(rows) - 1 - best < PATIENCE or n_epochs < PATIENCE:
        return None
    return Finding(
        "note",
        f"Validation has not improved for {n_epochs} epochs.",
        "The best weights are kept, so nothing is lost. You may stop here; a smaller learning rate may find a little more.",
    )


def memorising(history: History) -> Finding | None:
    """Training loss falls while the validation error rises, both since the best validation and over several."""
    rows = [row for row in _validated(history) if row["train_loss"] is not None]
    errors = [row["valid_scores"].get("mse", math.nan) for row in rows]
    if len(rows) < 2 * PATIENCE or not all(map(math.isfinite, errors)):
        return None
    best = min(range(len(rows)), key=errors.__getitem__)
    if len(rows) - 1 - best < PATIENCE:
        return None
    loss_then = _mean([row["train_loss"] for row in rows[max(0, best - 1) : best + 2]])
    loss_now = _mean([row["train_loss"] for row in rows[-3:]])
    if not (min(errors[-3:]) > WORSE * errors[best] and loss_now < 0.95 * loss_then):
        return None
    return Finding(
        "warning",
        "Training loss falls while validation rises: it is memorising.",
        "The weights from before that are kept. Try a smaller network, some input noise (0.1), or more frames.",
    )


def frozen(history: History) -> Finding | None:
    """The latest rollout moves no more, at all or from some lead on, though the truth does."""
    row, motion = _latest(history, "motion")
    if row is None or row["fraction"] < EARLY or not any(row["valid_curves"].get("persistence_mse", ())):
        return None
    from_lead = _from_where(motion, lambda share: share < STILL)
    if from_lead is None or len(motion) - from_lead + 1 < 3:
        return None
    since = "" if from_lead == 1 else f" from lead {from_lead} on"
    return Finding(
        "warning",
        f"The forecast has frozen{since}: it repeats one frame while the truth moves on.",
        "Give it more context and a longer unroll, or a larger learning rate if it has not moved since the start.",
    )


def blurred(history: History) -> Finding | None:
    """The latest rollout is sharp at first and loses its fine detail for good after some lead, or has none from the start."""
    row, sharpness = _latest(history, "sharpness")
    if row is None or row["fraction"] < EARLY:
        return None
    from_lead = _from_where(sharpness, lambda share: share < BLURRED)
    if from_lead is None or len(sharpness) - from_lead + 1 < 2:
        return None
    advice = "A longer unroll teaches it to live on its own forecasts; a weight on edges or SSIM in the loss asks for detail."
    if from_lead == 1:
        return Finding("note", "It blurs from the first lead on.", advice)
    if max(sharpness[: from_lead - 1]) < SHARP:
        return None
    return Finding("note", f"It blurs after lead {from_lead - 1}.", advice)


def blown_up(history: History) -> Finding | None:
    """The latest rollout runs away: from some lead on it is far worse than the last frame repeated, or no number."""
    row, errors = _latest(history, "mse")
    if row is None:
        return None
    still = row["valid_curves"].get("persistence_mse", ())
    usual = _mean([error for error in still if math.isfinite(error)])
    from_lead = _from_where(
        [error / max(reference, usual, 1e-30) for error, reference in zip(errors, still, strict=True)],
        lambda times: not times < BLOWN,
    )
    if from_lead is None:
        return None
    return Finding(
        "warning",
        f"It blew up at lead {from_lead}: from there on its error is over {BLOWN:.0f} times that of the last frame repeated.",
        "Train with a longer unroll, a smaller learning rate, or with values clamped to what was seen.",
    )


def rate_halved(history: History) -> Finding | None:
    """The loss exploded in the stage at work, and training went back to its last good weights."""
    times = max((row.get("set_backs", 0) for row in history if row["stage"] == history[-1]["stage"]), default=0)
    if not times:
        return None
    often = "" if times == 1 else f" {times} times"
    return Finding(
        "warning",
        f"The learning rate was halved{often} after the loss exploded.",
        "It goes on from the last good weights. Next time begin with a smaller learning rate, or a lower gradient threshold.",
    )


def sees_ahead(history: History) -> Finding | None:
    """Up to which lead the latest rollout is more like the truth than the last frame repeated."""
    row, similar = _latest(history, "ssim")
    if row is None:
        return None
    still = row["valid_curves"].get("persistence_ssim", ())
    ahead = [now > reference for now, reference in zip(similar, still, strict=True)]
    if not ahead or not ahead[0]:
        return None
    last = ahead.index(False) if False in ahead else len(ahead)
    whole = "at every lead" if last == len(ahead) else f"up to lead {last}" if last > 1 else "at lead 1"
    return Finding("good", f"It sees ahead: its SSIM is above that of the last frame repeated {whole}.", "")


def _validated(history: History) -> list[Row]:
    """The rows that were validated, of the last stage that was validated at all."""
    rows = [row for row in history if row["valid_scores"]]
    return [row for row in rows if row["stage"] == rows[-1]["stage"]]


def _latest(history: History, curve: str) -> tuple[Row | None, Sequence[float]]:
    """The last row whose rollout is known lead by lead, and that curve of it."""
    for row in reversed(history):
        if found := row.get("valid_curves", {}).get(curve):
            return row, found
    return None, ()


def _from_where(curve: Sequence[float], holds: Callable[[float], bool]) -> int | None:
    """The lead from which on it holds to the end, counted from 1; None where it does not hold at the end."""
    lead = len(curve) + 1
    while lead > 1 and holds(curve[lead - 2]):
        lead -= 1
    return lead if lead <= len(curve) else None


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0
