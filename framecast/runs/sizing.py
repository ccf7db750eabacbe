"""Which working size, and how many feature maps, the time that a run has pays for: chosen by a short trial of real steps.

The rule: the largest size at which that time holds enough training steps. 800 are enough: half a minute of one core, in which
the U-Net made about as many at 64 px, is what networks took to beat every simple rule on the series where any did; a ConvLSTM
profited from more (docs/decisions.md, 2026-11-26). A run that asks for fewer steps needs no more than those. The time is the
time limit; where none is set, the five minutes in which a useful forecast is promised.

Width gives way last: a network of half the feature maps was a little worse at equal time, one of twice as many no better. So
it is halved only where even 64 px are too slow, and never raised.

A trial takes the steps that `trial` takes, on noise: it writes no file and leaves every random state as it was. Sizes are
tried upwards as far as the last measured one promises, cost taken in proportion to pixels; one that would take long to measure
is reckoned from there, and the answer says so. A server asks in a process of its own, as important as its runs will be:

    python -m framecast.runs.sizing < question.json > answer.json
"""

import contextlib
import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from framecast.errors import DeviceMemoryError, FrameCastError, SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.preflight import preflight
from framecast.runs.trial import Question, Trial, measure, most_steps, step_seconds
from framecast.series.frames import Preparation, Split
from framecast.settings import Settings, Value

USUAL_SIZES = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
ENOUGH_STEPS = 800
PROMISED_S = 300.0
RECIPE_SIZE = 64
"""Pixels: what enough steps were counted at, and the size below which feature maps are given up for pixels."""
SMALLEST = 32
"""Pixels, below which no size is chosen: too little is left of a frame."""
WIDTHS = ("width", "hidden")
"""Settings that count feature maps."""
LONGEST_MEASURING_S = 15.0
"""Of one candidate; one that would take longer is reckoned."""
STEPS_MEASURED = 10
"""Of a candidate, counted in mean steps: most of them are at the full unroll."""


@dataclass(frozen=True)
class SizeQuestion:
    forecaster: str
    settings: Mapping[str, Value]
    height: int
    width: int
    """Native."""
    channels: int
    device: str
    n_threads: int
    split: Mapping[str, list[int]]
    bytes_per_value: int = 1
    vary_width: bool = True
    """Whether feature maps may be halved: not where somebody chose them, or where weights are taken over."""

    def key(self) -> str:
        """Equal where the answer is."""
        return json.dumps({**vars(self), "settings": dict(self.settings)}, sort_keys=True)


@dataclass(frozen=True)
class Candidate:
    """One size and width, judged."""

    size: int
    """The shorter side in pixels."""
    widths: Mapping[str, int]
    """Settings that differ from those asked for."""
    step_s: float
    """Mean over the run, looks at the validation frames with it; infinite where it does not fit into memory."""
    measured: bool


@dataclass(frozen=True)
class Sized:
    """The answer: what to set, and what was found."""

    size: int
    widths: Mapping[str, int]
    n_steps: int
    """That the time holds there."""
    enough: int
    seconds: float
    """That the network has."""
    step_s: float
    measured: bool
    larger: tuple[int, int] | None
    """What was judged too slow: a size, and the steps it would make, 0 where memory does not suffice; None for nothing."""
    network: str
    """Whose steps were timed."""

    def sentence(self) -> str:
        """What was found, for a person."""
        how = "takes" if self.measured else "would take, reckoned from a smaller size,"
        maps = f" with {' and '.join(str(width) for width in self.widths.values())} feature maps" if self.widths else ""
        found = (
            f"{self.size} px{maps}: a training step of {self.network} {how} {_in_words(self.step_s)} there, so the "
            f"{_in_words(self.seconds)} it has hold about {_about(self.n_steps)} steps"
        )
        if self.n_steps < self.enough:
            wanted = "a useful forecast took" if self.enough == ENOUGH_STEPS else "are asked for"
            return f"{found}, fewer than the {_about(self.enough)} that {wanted}. Give it more time."
        return f"{found}; {_about(self.enough)} are enough{self._beyond()}."

    def _beyond(self) -> str:
        if self.larger is None:
            return ", and this is the whole frame"
        size, n_steps = self.larger
        where = "with all feature maps" if size == self.size else f"at {size} px"
        return f", {where} there would be about {_about(n_steps)}" if n_steps else f", and {size} px do not fit into memory"


def choose_size(asked: SizeQuestion, timer: Callable[[Question], Trial] = measure) -> Sized:
    """Take the trials. Raises SettingError where the forecaster trains nothing, and what training raises but for a lack of
    memory, which a smaller size may not have."""
    judge = _Judge(asked, timer)
    short = min(asked.height, asked.width)
    sizes = [*(size for size in USUAL_SIZES if size < short), short]
    start = max((size for size in sizes if size <= RECIPE_SIZE), default=sizes[0])
    first = best = judge.of(start)
    if not judge.suffices(first):
        lowest = min(SMALLEST, start)
        smaller = [(size, halved) for size in reversed(sizes) if lowest <= size <= start for halved in (False, True)][1:]
        for size, halved in smaller:
            if halved and not judge.halved:
                continue
            best = judge.of(size, halved=halved)
            if judge.suffices(best):
                break
        return judge.answer(best, first)
    larger = [size for size in sizes if size > start]
    refused: Candidate | None = None
    while larger:
        promised = [size for size in larger if judge.suffices(judge.reckoned(best, size))]
        found = judge.of(promised[-1] if promised else larger[0], near=best)
        if judge.suffices(found):
            best, larger = found, [size for size in larger if size > found.size]
        else:
            refused, larger = found, [size for size in larger if size < found.size]
    return judge.answer(best, refused)


class _Judge:
    """Times candidates, each once."""

    def __init__(self, asked: SizeQuestion, timer: Callable[[Question], Trial]) -> None:
        self.asked, self.timer = asked, timer
        kind = FORECASTERS[asked.forecaster]
        whole = kind.settings.from_mapping(asked.settings)
        timed = kind.timed_by(whole) if kind.timed_by else None
        if timed is None:
            raise SettingError(f"{kind.title} trains no network that could be timed. Choose a working size by hand.")
        self.split = Split.from_mapping(dict(asked.split))
        self.name, share = timed.network, timed.share
        self.kind: ForecasterKind = FORECASTERS[self.name]
        self.settings: Any = self.kind.configure(None, timed.settings, self.split)
        limit = float(getattr(whole, "minutes", 0.0)) * 60
        self.seconds = (limit or PROMISED_S) * share
        self.enough = min(ENOUGH_STEPS, most_steps(self.settings, self.split))
        self.halved = self._halved() if asked.vary_width and self.name == asked.forecaster else {}

    def of(self, size: int, *, halved: bool = False, near: Candidate | None = None) -> Candidate:
        """Measured, or reckoned from `near` where measuring would take too long."""
        if near is not None:
            reckoned = self.reckoned(near, size)
            if self._measuring_s(reckoned) > LONGEST_MEASURING_S:
                return reckoned if self._fits(size, self.settings) else replace(reckoned, step_s=math.inf)
        widths = self.halved if halved else {}
        settings = self.settings.from_mapping({**self.settings.to_mapping(), **widths})
        height, width = Preparation(size).working_shape(self.asked.height, self.asked.width)
        question = Question(
            self.name, settings.to_mapping(), height, width, self.asked.channels, self.asked.device, self.asked.n_threads
        )
        step_s = math.inf
        if self._fits(size, settings):
            with contextlib.suppress(DeviceMemoryError):
                step_s = step_seconds(self.timer(question), settings, self.split)
        return Candidate(size, widths, step_s, True)

    def reckoned(self, near: Candidate, size: int) -> Candidate:
        """Of the same width, in proportion to pixels."""
        return Candidate(size, near.widths, near.step_s * (size / near.size) ** 2, False)

    def suffices(self, one: Candidate) -> bool:
        return self._n_steps(one) >= self.enough

    def answer(self, best: Candidate, refused: Candidate | None) -> Sized:
        if math.isinf(best.step_s):
            raise SettingError(
                f"Training {self.kind.title} does not fit into memory at any working size, not even at {best.size} px. Choose "
                "a smaller batch or unroll, or a smaller network."
            )
        larger = None if refused is None else (refused.size, self._n_steps(refused))
        return Sized(
            best.size, best.widths, self._n_steps(best), self.enough, self.seconds, best.step_s, best.measured, larger,
            self.kind.title,
        )  # fmt: skip

    def _n_steps(self, one: Candidate) -> int:
        return int(self.seconds / one.step_s)

    def _measuring_s(self, one: Candidate) -> float:
        return STEPS_MEASURED * one.step_s

    def _fits(self, size: int, settings: Settings) -> bool:
        asked = self.asked
        found = preflight(
            self.kind, settings, asked.height, asked.width, asked.channels, Preparation(size), asked.device,
            n_frames=self.split.test.start, bytes_per_value=asked.bytes_per_value,
        )  # fmt: skip
        return found.fits

    def _halved(self) -> dict[str, int]:
        """Half the feature maps, where the network can be made of so few."""
        halved = {name: value // 2 for name in WIDTHS if (value := getattr(self.settings, name, 0))}
        try:
            self.settings.from_mapping({**self.settings.to_mapping(), **halved})
        except SettingError:
            return {}
        return halved


def _in_words(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def _about(number: int) -> str:
    """Two digits: a trial tells no more."""
    return f"{int(float(f'{number:.2g}')):,}"


def main() -> None:
    try:
        answer: dict[str, Any] = asdict(choose_size(SizeQuestion(**json.load(sys.stdin))))
    except FrameCastError as error:
        answer = {"error": str(error)}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
