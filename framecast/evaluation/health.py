"""The health report: what a person should know of a series before training, made once and kept beside it.

It is kept as health.json in the folder of the series and made again where that is missing, damaged or of an older version. All
numbers come from the series alone; nothing a run learns or scores is taken from here.
"""

import contextlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from framecast.errors import StorageError
from framecast.evaluation.predictability import Predictability, predictability
from framecast.files import write_json
from framecast.series.frames import FrameSeries
from framecast.series.health.checks import findings
from framecast.series.health.finding import Finding, Subject
from framecast.series.health.measures import Measures, measure
from framecast.series.health.motion_checks import period
from framecast.series.health.noise import Noise, noise
from framecast.series.store import SeriesStore

VERSION = 7
FILE = "health.json"
_POINTS = 1000
"""The curves over time have at most so many points."""

Told = Callable[[float, str], None]
"""Called with the share that is done, 0 to 1, and what is being done."""


@dataclass(frozen=True)
class HealthReport:
    """What is wrong with a series, how predictable it is, and what of it was looked at."""

    findings: tuple[Finding, ...]
    predictability: Predictability
    noise: Noise
    names: tuple[str, str] | None
    """The file names of the first and the last frame, where there were any."""
    frames: tuple[int, ...]
    """Indices of the frames that the curves over time have a point at: all, or evenly spread ones of a long series."""
    brightness: tuple[float, ...]
    """Mean value of each of these frames, in units."""
    change: tuple[float, ...]
    """Mean absolute change to each of these frames from the one before, in units, over blocks; 0 for the first."""
    sampled: str
    """What was looked at, in a sentence."""

    def to_mapping(self) -> dict[str, Any]:
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_mapping(cls, values: dict[str, Any]) -> "HealthReport":
        """Raises KeyError, TypeError or ValueError on what another version wrote."""
        if values["version"] != VERSION:
            raise ValueError("another version")
        return cls(
            findings=tuple(Finding.from_mapping(one) for one in values["findings"]),
            predictability=Predictability.from_mapping(values["predictability"]),
            noise=Noise(**values["noise"]),
            names=None if values["names"] is None else (str(values["names"][0]), str(values["names"][1])),
            frames=tuple(values["frames"]),
            brightness=tuple(values["brightness"]),
            change=tuple(values["change"]),
            sampled=values["sampled"],
        )

    @property
    def suspects(self) -> tuple[int, ...]:
        """Indices of the frames that problems name: those to leave out or to replace."""
        named = {index for finding in self.findings if finding.severity == "problem" for index in finding.frames}
        return tuple(sorted(named))


def kept_report(store: SeriesStore, digest: str) -> HealthReport | None:
    """The report that lies beside a series; None where there is none of this version."""
    try:
        text = store.beside(digest, FILE).read_text(encoding="utf-8")
        return HealthReport.from_mapping(json.loads(text))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def health_report(store: SeriesStore, digest: str, told: Told | None = None) -> HealthReport:
    """The report on a stored series, from beside it or made now. It is made anew each time where the disk takes none."""
    if (kept := kept_report(store, digest)) is not None:
        return kept
    report = examine(store.open(digest), store.names(digest), told, store.times(digest))
    with contextlib.suppress(StorageError, OSError):
        write_json(store.beside(digest, FILE), report.to_mapping())
    return HealthReport.from_mapping(json.loads(json.dumps(report.to_mapping())))


def examine(
    series: FrameSeries, names: tuple[str, ...] = (), told: Told | None = None, times: tuple[float, ...] = ()
) -> HealthReport:
    """Look through a series."""

    def tell(from_share: float, to_share: float, words: str) -> Callable[[int, int], None]:
        def seen(done: int, total: int) -> None:
            if told is not None:
                told(from_share + (to_share - from_share) * done / total, f"{words} {done:,} of {total:,}")

        return seen

    measures = measure(series, tell(0, 0.6, "Looking at frame"))
    subject = Subject(series, measures, noise(series), names, times)
    found = findings(subject)
    rhythm = period(subject)
    spoilt = {index for one in found if one.severity == "problem" for index in one.frames}
    predictable = predictability(
        series, period=rhythm[0] if rhythm else None, without=spoilt, seen=tell(0.6, 1, "How predictable: frame")
    )
    chosen = np.unique(np.linspace(0, series.n_frames - 1, min(_POINTS, series.n_frames)).round().astype(int))
    change = np.concatenate([[0.0], measures.change])
    return HealthReport(
        findings=found,
        predictability=predictable,
        noise=subject.noise,
        names=(names[0], names[-1]) if names else None,
        frames=tuple(chosen.tolist()),
        brightness=tuple(measures.mean[chosen].tolist()),
        change=tuple(change[chosen].tolist()),
        sampled=_sampled(series, measures, subject.noise, predictable),
    )


def _sampled(series: FrameSeries, measures: Measures, found: Noise, predictable: Predictability) -> str:
    rows, columns = measures.small.shape[1:]
    small = f"{predictable.width} × {predictable.height}"
    return (
        f"Looked at: every pixel of all {series.n_frames:,} frames for brightness, extremes, copies and blank frames; means "
        f"over {columns} × {rows} blocks for odd frames, change, rhythm and drift; {found.n_rows} rows of {found.n_pairs} "
        f"pairs of frames for noise; grey frames of {small} pixels from {predictable.n_origins} origins for SSIM."
    )
