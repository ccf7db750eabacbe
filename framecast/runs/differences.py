"""What differs between runs: what was asked of them, where they ran, and what came of it, in the words of the form.

Only what differs is told. Scores stand side by side where they are of the same frames; of other frames they say nothing about
which run is better, and that is said instead.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.overview import RunLine
from framecast.runs.record import RunRecord
from framecast.settings import Value

NONE = "–"
HEADINGS = ("Asked", "Settings", "Ran on", "Scores")


@dataclass(frozen=True)
class Difference:
    heading: str
    """One of HEADINGS."""
    label: str
    values: tuple[str, ...]
    """One for each run, in their order; "–" where a run has no such thing."""


def differences(lines: Sequence[RunLine], names: Mapping[str, str] | None = None) -> list[Difference]:
    """Of two or more runs. `names` says what the runs and the series are called by their ids and digests, where known."""
    columns = [_columns(line, names or {}) for line in lines]
    found = []
    for heading in HEADINGS:
        labels = dict.fromkeys(label for column in columns for label in column[heading])
        for label in labels:
            values = tuple(column[heading].get(label, NONE) for column in columns)
            if len(set(values)) > 1:
                found.append(Difference(heading, label, values))
    return found


def same_frames(lines: Sequence[RunLine]) -> bool:
    """Whether their scores may be compared: the same test frames of the same series, all of them forecast."""
    return len({(line.record.series, line.record.split.test) for line in lines}) == 1


def settings_in_words(record: RunRecord) -> dict[str, str]:
    """The settings as the form calls them; one that this FrameCast knows no more goes by its old name."""
    kind = FORECASTERS.get(record.forecaster)
    fields = {field.name: field for field in kind.settings.fields()} if kind else {}
    words = {}
    for name, setting in record.settings.items():
        field = fields.get(name)
        label = field.label if field else name.replace("_", " ")
        words[f"{label} ({field.unit})" if field and field.unit else label] = in_words(setting)
    return words


def in_words(setting: Value) -> str:
    """With all its digits: two values that differ never read alike."""
    if isinstance(setting, bool):
        return "yes" if setting else "no"
    return setting if isinstance(setting, str) else f"{setting:,}" if isinstance(setting, int) else f"{setting:.12g}"


def _columns(line: RunLine, names: Mapping[str, str]) -> dict[str, dict[str, str]]:
    record = line.record
    title = FORECASTERS[record.forecaster].title if record.forecaster in FORECASTERS else record.forecaster
    first, last = record.split.test.start + 1, record.split.test.stop
    asked = {
        "Series": f"{names.get(record.series, record.series_name)}, {record.series}",
        "Training frames": str(len(record.split.train)),
        "Validation frames": str(len(record.split.valid)),
        "Test frames": f"{len(record.split.test)} ({first} to {last})",
        "Forecaster": title,
        "Preset": record.preset,
        "Working size": f"{record.preparation.size} px" if record.preparation.size else "native",
        "Seed": str(record.seed),
        "Start from": names.get(record.start_from, record.start_from) if record.start_from else "nothing",
        "Also learn from": ", ".join(names.get(one, one) for one in record.learned_from) or "no other series",
        "Member of the blend": names.get(record.member_of, record.member_of) if record.member_of else "none",
    }
    ran = {
        "Device": record.device,
        "Threads": str(record.n_threads),
        "Processes": str(record.n_processes),
        **{f"Version of {name}": version for name, version in record.versions.items()},
        "Commit": record.commit or NONE,
    }
    called = {metric: METRICS[metric].title if metric in METRICS else metric for metric in line.means}
    scores = {"State": line.state, **{f"Mean {called[name]}": f"{mean:.6g}" for name, mean in line.means.items()}}
    if line.skill is not None:
        scores |= {"Skill": f"{line.skill:.4f}", "Skill horizon": f"{line.skill_horizon} of {record.split.horizon}"}
    if line.fit_seconds is not None:
        scores["Time to fit (s)"] = f"{line.fit_seconds:.3g}"
    return dict(zip(HEADINGS, (asked, settings_in_words(record), ran, scores), strict=True))
