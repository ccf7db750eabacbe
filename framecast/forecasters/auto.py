"""Auto: try the rules and two networks, keep whichever forecast the validation frames best.

Thin but honest: every rule and every network forecasts the same validation frames from the same origin, scored at the working
size, and the winner is fitted on all history. One origin is little evidence, and a network's validation score is a little
flattered, because it also chose when to stop; the score it was chosen by is therefore shown, not promised.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import Forecaster, ForecasterKind, Workbench
from framecast.metrics.contract import METRICS
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.preparation import reduce_frames
from framecast.settings import Settings, setting
from framecast.training.progress import FitProgress

NETWORKS_TRIED = ("unet", "convlstm")
MARGIN = 0.0005
"""SSIM by which a later candidate must be better: among equals the simpler one, which was tried earlier, is kept."""


@dataclass(frozen=True)
class AutoSettings(Settings):
    minutes: float = setting(
        3.0,
        label="Time limit",
        help="Minutes for all networks together. The rules take seconds. 0 means no limit: every network runs all its epochs.",
        minimum=0.0,
        maximum=100_000.0,
        unit="min",
    )
    epochs: int = setting(
        1000,
        label="Epochs",
        help="How often each network sees every training window, if the time limit does not end it first.",
        minimum=1,
        maximum=100_000,
    )


@dataclass(frozen=True)
class _Candidate:
    name: str
    score: float
    """Mean SSIM over the validation frames, at working size."""
    forecaster: Forecaster


class Auto:
    """The best of the rules and two networks, judged on the validation frames."""

    def __init__(self, settings: AutoSettings, workbench: Workbench) -> None:
        self.settings = settings
        self.workbench = workbench
        self._chosen: _Candidate | None = None
        self._scores: dict[str, float] = {}

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """See Forecaster. The progress says what is chosen so far, and by which scores; persistence is, before anything."""
        assert len(split.valid), "there is nothing to choose by; checked before a run is queued"
        self._choose([_rule("persistence", history, split, self.workbench)])
        share = 1 / len(NETWORKS_TRIED)
        for name in [name for name in _rules() if name != "persistence"]:
            yield FitProgress(f"Trying the rules: {FORECASTERS[name].title.lower()}", finding=self._finding())
            self._choose([_rule(name, history, split, self.workbench)])
        for index, name in enumerate(NETWORKS_TRIED):
            for progress in self._try(name, history, split):
                fraction = share * (index + progress.fraction)
                stage = f"{FORECASTERS[name].title}: {progress.stage.lower()}"
                remaining = None if progress.remaining_s is None else progress.remaining_s + self._later_s(index, progress)
                yield replace(progress, stage=stage, fraction=fraction, remaining_s=remaining, finding=self._finding())

    def _finding(self) -> str:
        assert self._chosen is not None
        others = sorted(((score, name) for name, score in self._scores.items() if name != self._chosen.name), reverse=True)
        listed = ", ".join(f"{FORECASTERS[name].title} {score:.3f}" for score, name in others) or "none tried yet"
        return (
            f"Auto chose {FORECASTERS[self._chosen.name].title}: its forecast of the validation frames had mean SSIM "
            f"{self._chosen.score:.3f} at working size; the others: {listed}."
        )

    def _try(self, name: str, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        kind = FORECASTERS[name]
        minutes = self.settings.minutes / len(NETWORKS_TRIED)
        changes = {"minutes": minutes, "epochs": self.settings.epochs, "select_by": "ssim"}
        settings = kind.configure(None, changes, split)
        forecaster = kind.make(settings, self.workbench)
        score = float("-inf")
        for progress in forecaster.fit(history, split):
            score = max(score, progress.valid_scores.get("ssim", score))
            won = self._choose([_Candidate(name, score, forecaster)])
            yield replace(progress, improved=progress.improved and won)

    def _choose(self, candidates: list[_Candidate]) -> bool:
        """Take the best of `candidates` if it beats what was chosen before, and say whether one of them is chosen now."""
        for candidate in candidates:
            if candidate.score == float("-inf"):
                continue  # a network that has not forecast the validation frames yet
            self._scores[candidate.name] = candidate.score
            chosen = self._chosen
            margin = 0.0 if chosen and chosen.name == candidate.name else MARGIN
            if chosen is None or candidate.score > chosen.score + margin:
                self._chosen = candidate
        return self._chosen is not None and self._chosen.name in {candidate.name for candidate in candidates}

    def _later_s(self, index: int, progress: FitProgress) -> float:
        """Seconds for the networks after this one, taking each to need as long as this one."""
        whole = progress.elapsed_s + (progress.remaining_s or 0.0)
        return (len(NETWORKS_TRIED) - 1 - index) * whole

    def forecast(self, past: Frames, horizon: int) -> Frames:
        assert self._chosen is not None, "fit or load comes first"
        return self._chosen.forecaster.forecast(past, horizon)

    def save(self, folder: Path) -> None:
        assert self._chosen is not None
        (folder / "chosen").mkdir()
        self._chosen.forecaster.save(folder / "chosen")
        content = {"chosen": self._chosen.name, "validation_ssim": self._scores}
        (folder / "auto.json").write_text(json.dumps(content, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Auto":
        content = json.loads((folder / "auto.json").read_text(encoding="utf-8"))
        name, scores = content["chosen"], content["validation_ssim"]
        auto = cls(AutoSettings(), Workbench())
        auto._scores = scores
        auto._chosen = _Candidate(name, scores[name], FORECASTERS[name].load(folder / "chosen"))
        return auto


def _rules() -> list[str]:
    return sorted(name for name, kind in FORECASTERS.items() if kind.family == "rule")


def _rule(name: str, history: FrameSeries, split: Split, workbench: Workbench) -> _Candidate:
    """A rule, scored on the validation frames by what it would have said before them, then fitted on all history."""
    kind = FORECASTERS[name]
    start = split.valid.start
    before = Split(split.train, range(start, start), split.valid)
    earlier = kind.make(kind.configure(), workbench)
    _exhaust(earlier.fit(history.head(start), before))
    forecast = history.native(earlier.forecast(history.frames[:start], len(split.valid)))
    shape = workbench.preparation.working_shape(history.height, history.width)
    truth = reduce_frames(history.frames[start : split.valid.stop], shape)
    ssim = METRICS["ssim"].function(
        reduce_frames(forecast, shape), truth, data_range=history.data_range, valid=None
    )
    forecaster = kind.make(kind.configure(), workbench)
    _exhaust(forecaster.fit(history, split))
    return _Candidate(name, float(ssim.mean()), forecaster)


def _exhaust(fit: Iterator[FitProgress]) -> None:
    for _ in fit:
        pass


def _largest(count: str) -> Callable[[Any, int, int, int], int]:
    """Weights or bytes of the network that has most of them: they are trained one after the other."""

    def most(settings: AutoSettings, height: int, width: int, channels: int) -> int:
        kinds = [FORECASTERS[name] for name in NETWORKS_TRIED]
        return max(int(getattr(kind, count)(kind.configure(), height, width, channels)) for kind in kinds)

    return most


def _make(settings: AutoSettings, workbench: Workbench) -> Auto:
    return Auto(settings, workbench)


FORECASTERS.add(
    "auto",
    ForecasterKind(
        title="Auto",
        summary="Tries the simple rules, a U-Net and a ConvLSTM, and keeps whichever forecast the validation frames best.",
        use_when="When you do not know where to begin: it says which kind of forecaster suits your series.",
        family="protocol",
        settings=AutoSettings,
        make=_make,
        load=Auto.load,
        needs_validation=True,
        n_weights=_largest("n_weights"),
        training_bytes=_largest("training_bytes"),
    ),
)
