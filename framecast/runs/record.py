"""RunRecord: everything that decides what a run does, written once before it begins and never changed.

Every setting is in it with its default filled in, so that a later default cannot change what an old run meant. What a run
found (losses, scores) is not in it, nor is any status: that is read off the files of the run.
"""

import importlib.metadata
import platform
import re
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from framecast.series.frames import Preparation, Split
from framecast.series.lineage import Spans, from_json
from framecast.settings import Value

VERSIONED = ("numpy", "torch", "scipy", "scikit-image")
SOURCE = Path(__file__).parents[2]


@dataclass(frozen=True)
class RunRecord:
    """What a run is: all that was asked for, with every default filled in, and on what it was carried out. Written once."""

    id: str
    created: str
    """ISO 8601, UTC."""
    title: str
    series: str
    """Digest of the series."""
    series_name: str
    split: Split
    preparation: Preparation
    forecaster: str
    """Name in FORECASTERS."""
    preset: str
    settings: Mapping[str, Value]
    seed: int
    device: str
    """One of "cpu", "cuda", "cuda:N"; never "auto"."""
    n_threads: int
    """Threads of arithmetic on the CPU. Sums are split among them, so the last bits of a forecast depend on it."""
    versions: Mapping[str, str]
    commit: str
    """Commit of the FrameCast that ran, with "-dirty" where its files were changed; empty outside a checkout."""
    start_from: str = ""
    """Id of the run whose weights this one began with; empty where chance gave them. That run may be gone by now."""
    learned_from: tuple[str, ...] = ()
    """Digests of the other series that it learned from first."""
    seen_before: Mapping[str, int] = field(default_factory=dict)
    """Digest to frames, from the first one on, that its weights had seen before it turned to its own series."""
    seen_above: Mapping[str, Spans] = field(default_factory=dict)
    """Digest of a series that one of those or its own was prepared from (series/lineage.py) to the frames of it that its
    weights have seen by that in the end. Kept here, since the one that was prepared may be deleted."""
    member_of: str = ""
    """Id of the run whose blend this run's forecaster was fitted for; empty for a run that was fitted for itself. That run may
    have been deleted since."""
    n_processes: int = 1
    """Processes that shared the steps of its fit when it began. The numbers are the same with any, up to the last digits."""

    @property
    def all_series(self) -> tuple[str, ...]:
        """Digests of all that it needs: its own, and those it learns from first."""
        return (self.series, *self.learned_from)

    def to_mapping(self) -> dict[str, Any]:
        return {
            **vars(self),
            "split": self.split.to_mapping(),
            "preparation": dict(vars(self.preparation)),
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "learned_from": list(self.learned_from),
            "seen_before": dict(self.seen_before),
            "seen_above": dict(self.seen_above),
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Raises KeyError, TypeError, ValueError or SettingError where `values` are not what `to_mapping` gives."""
        return cls(
            **{
                **values,
                "split": Split.from_mapping(values["split"]),
                "preparation": Preparation(**values["preparation"]),
                "learned_from": tuple(values.get("learned_from", ())),
                "seen_above": {one: spans or () for one, spans in from_json(values.get("seen_above", {})).items()},
            }
        )

    def question(self) -> tuple[object, ...]:
        """What the run asks: two records with the same question are the same run started twice."""
        own = ("id", "created", "title", "n_threads", "n_processes", "versions", "commit", "seen_above")
        return tuple((name, repr(value)) for name, value in self.to_mapping().items() if name not in own)


def new_id(forecaster: str, now: datetime) -> str:
    """20240131-235959-unet-3f2a9c01: sorts by time, says what it is, and does not clash where hundreds come in a second."""
    word = re.sub(r"[^A-Za-z0-9_]", "_", forecaster)
    return f"{now:%Y%m%d-%H%M%S}-{word}-{secrets.token_hex(4)}"


def utc_now() -> datetime:
    return datetime.now(UTC)


@cache
def installed_versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers come from."""
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in VERSIONED}}


@cache
def source_commit() -> str:
    """The commit this code stands at; empty where it is not a git checkout of its own or git is not there."""
    if not (SOURCE / ".git").exists():
        return ""
    command = ["git", "-C", str(SOURCE), "describe", "--always", "--dirty", "--exclude=*", "--abbrev=40"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
