"""Which of many runs are looked at, and in what order: pinned ones first, then the best, the newest or what else is asked."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from framecast.errors import SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.overview import RunLine

NEWEST = "newest"
Key = Callable[[RunLine], float | str | None]


@dataclass(frozen=True)
class RunFilter:
    """What is asked for; what is empty asks for nothing."""

    series: Collection[str] = ()
    """Digests or names."""
    forecasters: Collection[str] = ()
    states: Collection[str] = ()
    tags: Collection[str] = ()
    """All of them."""
    text: str = ""
    """Words, all of which stand somewhere in the title, the note, the tags, the series, the forecaster or the id."""

    def keeps(self, line: RunLine, state: str) -> bool:
        record = line.record
        kind = FORECASTERS.get(record.forecaster)
        where = (record.title, record.series_name, record.forecaster, kind.title if kind else "", record.id, line.notes.note)
        searched = " ".join((*where, *line.notes.tags)).casefold()
        return (
            (not self.series or record.series in self.series or record.series_name in self.series)
            and (not self.forecasters or record.forecaster in self.forecasters)
            and (not self.states or state in self.states)
            and set(self.tags) <= set(line.notes.tags)
            and all(word in searched for word in self.text.casefold().split())
        )


def filtered(lines: Iterable[RunLine], asked: RunFilter, states: Mapping[str, str] | None = None) -> list[RunLine]:
    """Those that `asked` keeps. `states` says by id how the live ones stand; the others have what their files say."""
    return [line for line in lines if asked.keeps(line, (states or {}).get(line.id, line.state))]


def sort_keys() -> dict[str, str]:
    """What runs can be sorted by, and how that is called. Scores have their best first."""
    usual = {NEWEST: "Newest first", "name": "Name", "series": "Series", "forecaster": "Forecaster", "state": "State"}
    scores = {metric: f"Mean {kind.title}, best first" for metric, kind in METRICS.items()}
    skills = {"skill": "Skill, best first", "skill_horizon": "Skill horizon, longest first"}
    costs = {"fit_time": "Time to fit, shortest first", "disk": "Disk use, largest first"}
    return usual | scores | skills | costs | {"size": "Working size, largest first"}


def arranged(
    lines: Iterable[RunLine], by: str = NEWEST, *, reverse: bool = False, states: Mapping[str, str] | None = None
) -> list[RunLine]:
    """In this order; a run that has no such number stands at the end, whichever way round. By age the members of a blend
    follow it. Raises SettingError for an unknown order."""
    lines = list(lines)
    if by not in sort_keys():
        raise SettingError(f"Runs cannot be sorted by '{by}'. Choose one of: {', '.join(sort_keys())}.")
    if by == NEWEST:
        found = _by_age(lines, reverse)
    else:
        key, descending = _key(by, states or {})
        lines = sorted(lines, key=lambda line: (line.record.created, line.id), reverse=True)
        have = [line for line in lines if not _missing(key(line))]
        found = sorted(have, key=key, reverse=descending != reverse)  # type: ignore[arg-type]
        found += [line for line in lines if _missing(key(line))]
    return sorted(found, key=lambda line: not line.notes.pinned)


def _by_age(lines: list[RunLine], oldest_first: bool) -> list[RunLine]:
    ids = {line.id for line in lines}
    below: dict[str, list[RunLine]] = {}
    for line in sorted(lines, key=lambda line: (line.record.created, line.id)):
        below.setdefault(line.record.member_of if line.record.member_of in ids else "", []).append(line)
    top = below.get("", [])
    return [one for line in (top if oldest_first else reversed(top)) for one in (line, *below.get(line.id, []))]


def _key(by: str, states: Mapping[str, str]) -> tuple[Key, bool]:
    """The number or word of a run to be sorted by, and whether the largest comes first."""
    words: dict[str, Key] = {
        "name": lambda line: line.record.title.casefold(),
        "series": lambda line: line.record.series_name.casefold(),
        "forecaster": lambda line: line.record.forecaster,
        "state": lambda line: states.get(line.id, line.state),
    }
    numbers: dict[str, tuple[Key, bool]] = {
        "skill": (lambda line: line.skill, True),
        "skill_horizon": (lambda line: line.skill_horizon, True),
        "fit_time": (lambda line: line.fit_seconds, False),
        "disk": (lambda line: line.n_bytes, True),
        "size": (lambda line: line.record.preparation.size or math.inf, True),
    }
    if by in words:
        return words[by], False
    return numbers[by] if by in numbers else (lambda line: line.means.get(by), METRICS[by].higher_is_better)


def _missing(value: float | str | None) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
