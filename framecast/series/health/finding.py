"""What a check says: a sentence, how serious it is, and what to do."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from framecast.series.frames import FrameSeries
from framecast.series.health.measures import Measures
from framecast.series.health.noise import Noise

Severity = Literal["fine", "look", "problem"]
ORDER: tuple[Severity, ...] = ("problem", "look", "fine")


@dataclass(frozen=True)
class Finding:
    kind: str
    """What was checked, as one word or two: "duplicates"."""
    severity: Severity
    sentence: str
    """What was found; frames are counted from 1."""
    advice: str = ""
    """What to do, in a sentence; empty where there is nothing to do."""
    frames: tuple[int, ...] = ()
    """Indices, from 0, of the frames that may be left out or replaced."""
    keep: tuple[int, int] | None = None
    """First and last number, from 1, of the part that is better kept alone."""

    def to_mapping(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> "Finding":
        keep = values["keep"]
        return cls(**{**values, "frames": tuple(values["frames"]), "keep": keep and (int(keep[0]), int(keep[1]))})


@dataclass(frozen=True, eq=False)
class Subject:
    """What the checks look at: the series, what was measured of it, and the names of its frames' files where they had any."""

    series: FrameSeries
    measures: Measures
    noise: Noise
    names: tuple[str, ...] = ()
    times: tuple[float, ...] = ()
    """When each frame was taken, in seconds from any moment, where the files say it."""

    @property
    def n_frames(self) -> int:
        return self.measures.n_frames

    def label(self, index: int) -> str:
        """The name of the file of frame `index`, on one line and not longer than a line; a name is foreign text."""
        name = "".join(letter if letter.isprintable() else "?" for letter in self.names[index])
        return name if len(name) <= 60 else f"{name[:30]}…{name[-29:]}"

    def share(self, units: float) -> float:
        """A difference in units as a share of the value range."""
        return units / self.series.data_range


def frames_in_words(indices: tuple[int, ...] | list[int], longest: int = 6) -> str:
    """'Frame 5', 'Frames 110 and 111', 'Frames 1, 4, 7 and 12 others'; given from 0, said from 1."""
    numbers = [f"{index + 1:,}" for index in indices]
    if len(numbers) == 1:
        return f"Frame {numbers[0]}"
    if len(numbers) > longest:
        return f"Frames {', '.join(numbers[: longest - 1])} and {len(numbers) - longest + 1} others"
    return f"Frames {', '.join(numbers[:-1])} and {numbers[-1]}"


def percent(share: float) -> str:
    """'12 %', '0.3 %', 'less than 0.1 %'."""
    return "less than 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


def amount(number: float, units: str) -> str:
    """Three significant digits, or all before the point of what can be read so, with the unit; 'grey levels' are not said of
    float series."""
    text = f"{number:,.0f}" if 1000 <= abs(number) < 1e12 else f"{number:.3g}"
    return text if units in ("", "1") else f"{text} {units}"
