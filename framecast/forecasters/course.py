"""The course of a network's fit: which stage it is in, and what the stages so far have left behind.

Kept on disk as fit.json and fit.safetensors, it is all that a fit needs to go on. What follows from the series and the
settings (scaling, windows, the network at birth) is made again, the same.

A fit that has ended can be trained further. It then goes on from its best weights, as a fit with the larger budget would stand
there: the budget is what was used up to the best plus what is given now, and the schedules are fractions of that whole, so
that the learning rate rises once more and falls to its end. The refit goes on from its end, which is the same place on its own
way. What forecasts is exchanged only for something better.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file
from torch import Tensor, nn

from framecast.training.loop import Best
from framecast.training.standing import Standing, part
from framecast.training.tensor_file import write_tensors

Stage = Literal["others", "search", "refit", "end"]
_WRITTEN = (
    "stage", "begun", "finding", "restoration", "left_s", "search_began_s", "searched_s", "ended_step", "ended_s",
    "refit_step", "refit_s", "further", "from_step", "from_s", "refit_from_step", "refit_from_s",
    "holds",
)  # fmt: skip


@dataclass
class Course:
    """Where a fit stands. Made empty for one that begins, by `read` for one that goes on."""

    stage: Stage = "others"
    """Learning from the other series; finding out how long to train, which is all there is without validation; training on all
    history; none, for it has ended."""
    standing: Standing = field(default_factory=Standing)
    """Of the stage."""
    best: Best = field(default_factory=Best)
    """Of the search. Its weights are given to the network that forecasts when the search ends."""
    start: dict[str, Tensor] = field(default_factory=dict)
    """What a network begins with instead of what chance gives it."""
    searched: dict[str, Tensor] = field(default_factory=dict)
    """The best weights of the search, once a refit has put others in the network that forecasts."""
    forecasting: dict[str, Tensor] = field(default_factory=dict)
    """What forecast when the course was kept; to be taken by the fit that goes on."""
    begun: list[str] = field(default_factory=list)
    """What is to be said of the beginning."""
    finding: str = ""
    restoration: str = "change"
    elapsed_s: float = 0.0
    """Of the whole fit, when the course was kept."""
    left_s: float | None = None
    """Of the time limit, after what was learned from other series."""
    search_began_s: float = 0.0
    """So many seconds into the fit."""
    searched_s: float = 0.0
    """That the search took."""
    ended_step: int = 0
    """Of the last stage there was, where it ended."""
    ended_s: float = 0.0
    refit_step: int = 0
    """Of the refit, where it ended."""
    refit_s: float = 0.0
    further: tuple[str, float] | None = None
    """What it is trained further by, of a fit that had ended: ("epochs", 20)."""
    from_step: int = 0
    """Where the search begins that is to go further."""
    from_s: float = 0.0
    refit_from_step: int = 0
    """The same of the refit."""
    refit_from_s: float = 0.0
    holds: bool = True
    """See TrainingData. False of a fit that was kept before this was written down."""

    @property
    def is_new(self) -> bool:
        """Whether nothing has been trained yet."""
        return self.stage == "others" and not self.standing.step

    def enter(self, stage: Stage) -> None:
        self.ended_step, self.ended_s = self.standing.step, self.standing.elapsed_s
        self.stage, self.standing = stage, Standing()

    def extend(self, unit: str, amount: float) -> None:
        """Begin to train further a fit that has ended."""
        assert self.stage == "end", "checked before a run is queued"
        if self.best.step:
            self.from_step, self.from_s = self.best.step, self.best.elapsed_s
        else:  # nothing was validated: its end is the best
            self.from_step, self.from_s = self.ended_step, self.ended_s
        self.further, self.elapsed_s, self.best.epoch = (unit, amount), 0.0, 0
        weights = self.searched or self.forecasting
        self.stage, self.standing = "search", Standing(step=self.from_step, elapsed_s=self.from_s, weights=weights)

    def go_on_with_refit(self) -> None:
        """Of a fit that goes further: take the refit up where it ended. `forecasting` is what it ended with."""
        self.stage, self.refit_from_step, self.refit_from_s = "refit", self.refit_step, self.refit_s
        self.standing = Standing(step=self.refit_step, elapsed_s=self.refit_s, weights=self.forecasting)
        self.forecasting = {}

    def save(self, folder: Path, network: nn.Module | None, elapsed_s: float) -> None:
        """`network` is what forecasts now; not needed where `forecasting` has it."""
        best = asdict(self.best)
        weights: dict[str, Tensor] = best.pop("weights")
        standing, tensors = self.standing.save()
        content = {
            **{name: getattr(self, name) for name in _WRITTEN},
            "elapsed_s": elapsed_s,
            "best": best,
            "standing": standing,
        }
        (folder / "fit.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
        parts = {"standing": tensors, "best": weights, "start": self.start, "searched": self.searched}
        if not tensors or self.stage == "refit" or self.further:  # else it is the network that is trained
            assert self.forecasting or network is not None
            parts["forecasting"] = self.forecasting or network.state_dict()  # type: ignore[union-attr]
        named = {f"{place}.{name}": tensor for place, found in parts.items() for name, tensor in found.items()}
        write_tensors(named, folder / "fit.safetensors")

    @classmethod
    def read(cls, folder: Path) -> "Course":
        """What `save` wrote."""
        content: dict[str, Any] = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "fit.safetensors")
        best = Best(**content.pop("best"), weights=part(tensors, "best"))
        standing = Standing.load(content.pop("standing"), part(tensors, "standing"))
        further, content = content.pop("further"), {"holds": False, **content}
        course = cls(**content, best=best, standing=standing, further=further and (further[0], further[1]))
        course.start, course.searched, course.forecasting = (
            part(tensors, place) for place in ("start", "searched", "forecasting")
        )
        return course


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy in the memory of the machine."""
    return {name: weight.detach().to("cpu", copy=True) for name, weight in network.state_dict().items()}
