"""The one interface of everything that can forecast, learned or not: native units in, native units out.

A forecaster never sees the test frames: whoever calls `fit` hands over the history before the test only. It keeps no
reference to the frames it was fitted on; `forecast` is given as many true frames as exist.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from framecast.errors import SettingError
from framecast.forecasters.calibration import SpreadLaw
from framecast.series.frames import Frames, FrameSeries, Preparation, Split
from framecast.settings import Settings, Value
from framecast.training.progress import FitProgress

if TYPE_CHECKING:
    from framecast.training.distributed import Group


class Forecaster(Protocol):
    """What every forecaster can do, learned or not: native units in and out. `fit` or `load` comes first."""

    def fit(self, history: FrameSeries, split: Split) -> Iterator[FitProgress]:
        """Fit on `history`, which ends where the test begins. A generator: the caller may leave it at any yield, and
        what was best until then is what forecasts. Rules that have nothing to learn yield nothing."""
        ...

    def forecast(self, past: Frames, horizon: int) -> Frames:
        """The `horizon` frames after `past` (time, height, width, channel): (horizon, height, width, channel) float32 in
        the units of `past`. The same call gives the same bits; `past` is not changed."""
        ...

    def save(self, folder: Path) -> None:
        """Write into the existing, empty `folder` all that `load` needs."""
        ...

    @classmethod
    def load(cls, folder: Path) -> "Forecaster": ...


@runtime_checkable
class MemberForecaster(Forecaster, Protocol):
    """The part of the contract that is optional: a forecaster that says how sure it is, because it makes up several forecasts.

    `forecast` is their mean. What is needed to judge the spread is asked for member by member, so that nobody has to hold all
    of them; `framecast.runs.members` does that after a run, and the run then keeps a spread beside its forecast.
    """

    def forecast_members(self, past: Frames, horizon: int) -> Iterator[Frames]:
        """Each member's forecast, raw, as `forecast` gives one: (horizon, height, width, channel) float32. At
        least one, in the same order and to the same bits at every call."""
        ...

    def spread_law(self, horizon: int) -> SpreadLaw:
        """What the spread of the members has to be corrected by, as far as it was found out while fitting."""
        ...


@runtime_checkable
class ResumableForecaster(Forecaster, Protocol):
    """Also optional: a forecaster whose fit can be left and gone on with, by another process too.

    On a CPU, a fit that is bound by epochs or steps then gives what it would have given in one go, bit for bit.
    """

    def save_state(self, folder: Path) -> None:
        """At any yield of `fit`, and after its end: write into the existing, empty `folder` all that `resume` needs."""
        ...

    def resume(self, folder: Path) -> None:
        """Called before `fit`, which then goes on from the state saved in `folder`. Time that was used stays used."""
        ...


@runtime_checkable
class HelpedForecaster(Forecaster, Protocol):
    """Also optional: a forecaster whose fit several processes may share. See Workbench.group."""

    def help(self, history: FrameSeries, split: Split, group: "Group") -> None:
        """In place of `fit`, in all processes but the first: compute along until that one says that the fit has ended."""
        ...


@runtime_checkable
class ExtensibleForecaster(ResumableForecaster, Protocol):
    """A forecaster that can be trained further when its fit has ended. See ForecasterKind.extensible."""

    def extend(self, unit: str, amount: float) -> None:
        """Called after `resume` and before `fit`: what was saved at the end of a fit goes on for so many more "epochs",
        "steps" or "minutes"."""
        ...


@runtime_checkable
class SettlingForecaster(Forecaster, Protocol):
    """Also optional: a forecaster whose fit chooses at its end more than what is learned, so that one that was stopped before
    has to choose it then."""

    def settle(self, history: FrameSeries, split: Split) -> str:
        """Called after a fit was left for good and before `forecast` and `save`. What was chosen, as a sentence; empty where
        there was nothing to choose."""
        ...


@dataclass(frozen=True, eq=False)
class Member:
    """One of the forecasters that a blend is made of."""

    name: str
    """In FORECASTERS; each but once in a blend."""
    forecaster: Forecaster
    settings: Settings


@runtime_checkable
class BlendForecaster(Forecaster, Protocol):
    """Also optional: a forecaster whose forecast is a weighted mean of what others of FORECASTERS forecast.

    `framecast.runs.blend_members` keeps the weights beside a run, and makes each member a run of its own.
    """

    @property
    def members(self) -> Sequence[Member]:
        """Those that have weight at some lead."""
        ...

    def shares(self, horizon: int) -> np.ndarray[Any, np.dtype[Any]]:
        """(lead, member) weights: none below 0, and each row has the sum 1."""
        ...


def settled(forecaster: Forecaster, history: FrameSeries, split: Split) -> str:
    """See SettlingForecaster; nothing to say of any other."""
    return forecaster.settle(history, split) if isinstance(forecaster, SettlingForecaster) else ""


def retreats_of(forecasters: Iterable[Forecaster]) -> str:
    """What memory made those do in another way than they were meant to, in words, each once; empty where it made none."""
    return " ".join(dict.fromkeys(words for one in forecasters if (words := getattr(one, "retreat", ""))))


@dataclass(frozen=True)
class Workbench:
    """Where and how a forecaster works: what a network sees, the device, the seed. Rules ignore it."""

    preparation: Preparation = field(default_factory=Preparation)
    device: str = "cpu"
    seed: int = 0
    weights: Path | None = None
    """What a forecaster of the same kind has saved; the fit begins with these weights. None for a beginning by chance."""
    others: tuple[FrameSeries, ...] = ()
    """Series to learn from before the one that is forecast: no frame that is to be forecast is in them."""
    group: "Group | None" = None
    """Processes that help with the fit of a HelpedForecaster; this is the first of them."""


@dataclass(frozen=True)
class Timed:
    """The network whose training steps say what a fit costs."""

    network: str
    """Of FORECASTERS."""
    settings: Mapping[str, Value]
    """Over those of its first preset."""
    share: float
    """Of the time of the whole fit, that its longest training before the refit has, or what comes nearest to it."""


@dataclass(frozen=True)
class ForecasterKind:
    """An entry of FORECASTERS: what a card on the Train page says, and how to make one."""

    title: str
    summary: str
    """One sentence: what it is."""
    use_when: str
    """One sentence: when to choose it."""
    family: str
    """"rule", "network" or "protocol"; cards are grouped by it."""
    settings: type[Settings]
    make: Callable[[Any, Workbench], Forecaster]
    """Called with an instance of `settings` and a Workbench."""
    load: Callable[[Path], Forecaster]
    presets: Mapping[str, Mapping[str, Value]] = field(default_factory=lambda: {"recommended": {}})
    """Preset name to the values it changes; the first is the default. Each has a word of explanation in `preset_help`."""
    preset_help: Mapping[str, str] = field(default_factory=dict)
    needs_validation: bool = False
    """Cannot be fitted without validation frames."""
    n_weights: Callable[[Any, int, int, int], int] | None = None
    """(settings, working height, working width, channels) to the number of trained weights; None for rules."""
    training_bytes: Callable[[Any, int, int, int, str], int] | None = None
    """The same and the device to the bytes that training holds there at its peak beside the series; None for rules."""
    timed_by: Callable[[Any], Timed | None] | None = None
    """(settings) to what is timed for it; None where nothing is trained."""
    starting: Callable[[Any, Path, tuple[int, int], int], str] | None = None
    """(settings, folder that another one saved, working shape, channels) to a sentence on which of its weights are taken over.
    Raises SettingError where they do not fit; None where a fit cannot begin with weights, nor learn from other series."""
    inherited: tuple[str, ...] = ()
    """Settings that a run takes over from the run that it starts from, where nobody chose them."""
    any_size: bool = False
    """May learn from series of other sizes."""
    extensible: bool = False
    """Makes an ExtensibleForecaster."""
    why_not_further: Callable[[Path], str] = lambda folder: ""
    """What a state that `save_state` wrote at the end of a fit lacks to be extended, as a clause; empty where it is enough."""

    def configure(
        self, preset: str | None = None, changes: Mapping[str, object] | None = None, split: Split | None = None
    ) -> Settings:
        """Settings from a preset (default: the first) with changes over it. Raises SettingError for an unknown one.

        Given the split, a context that nobody chose shrinks to a third of the frames that windows are cut from, and a block
        to what is left beside the context, so that the defaults serve a short series too; one that was chosen stays, and is
        refused later where it does not fit.
        """
        name = preset or next(iter(self.presets))
        if name not in self.presets:
            raise SettingError(f"{self.title} has no preset {name!r}. Choose one of: {', '.join(self.presets)}.")
        settings = self.settings.from_mapping({**self.presets[name], **(changes or {})})
        context, block = getattr(settings, "context", None), getattr(settings, "block", 1)
        if split is None or context is None:
            return settings
        n_span = training_span(settings, split)
        if "context" not in (changes or {}):
            context = min(context, max(1, n_span // 3))
        fitting = {"context": context}
        if hasattr(settings, "block") and "block" not in (changes or {}):
            fitting["block"] = max(1, min(block, n_span - context))
        return self.settings.from_mapping({**self.presets[name], **(changes or {}), **fitting})

    def recorded(self, settings: Mapping[str, Value]) -> dict[str, Value]:
        """All settings of a run that has kept these. One of an earlier version lacks what came since, and had the default
        of it, whatever its preset says now; what is there no more is left out."""
        return {field.name: settings.get(field.name, field.default) for field in self.settings.fields()}


def training_span(settings: Settings, split: Split) -> int:
    """Number of frames that windows are cut from: without validation its frames are trained on too."""
    validated = bool(getattr(settings, "validation", True)) and len(split.valid) > 0
    return len(split.train) if validated else split.test.start
