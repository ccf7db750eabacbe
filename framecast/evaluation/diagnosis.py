"""Why is this forecast bad? A diagnosis in words, found in the pictures and not in the scores.

Every fault is looked for by itself (framecast.evaluation.faults); what is explained by another one is then left out: values
that run away drift as well, and what is wiped out is not called blurred too. What began long before explains itself. No fault
found does not mean a good forecast: it means that none of these is what is wrong with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from framecast.evaluation.case import Case
from framecast.evaluation.faults.detail import blurred, erased, noise_limited
from framecast.evaluation.faults.finding import Finding
from framecast.evaluation.faults.grid import grid
from framecast.evaluation.faults.level import drifted, exploded, frozen
from framecast.evaluation.faults.limits import new_content, size_limited
from framecast.evaluation.faults.timing import mistimed, replaying
from framecast.leaving import may_be_left

NOTHING = "None of the usual faults was found: it is not frozen, blurred, drifting, mistimed or replaying the past."

_LONG_BEFORE = 0.25
"""Of the horizon: a fault that begins by more than this before another is not its consequence."""


@dataclass(frozen=True)
class Fault:
    title: str
    look: Callable[[Case], Finding | None]
    explained_by: tuple[str, ...] = ()
    """Found along with one of these it is their consequence, and is left out, unless it began long before."""


FAULTS = {
    "exploded": Fault("Values saturate or run away", exploded),
    "frozen": Fault("Frozen", frozen),
    "erased": Fault("Moving parts erased", erased),
    "blurred": Fault("Blurred", blurred, ("exploded", "erased")),
    "grid": Fault("Grid in the picture", grid, ("exploded",)),
    "drifted": Fault("Drifted", drifted, ("exploded",)),
    "mistimed": Fault("Wrong speed or phase", mistimed, ("exploded", "replaying", "new_content")),
    "replaying": Fault("Replaying the past", replaying, ("exploded",)),
    "new_content": Fault("New content", new_content, ("exploded",)),
    "size_limited": Fault("Working size too small", size_limited),
    "noise_limited": Fault("Limited by noise", noise_limited, ("grid",)),
}


def diagnose(case: Case) -> list[Finding]:
    """What is wrong with a forecast, mistakes before limits, the strongest first; empty where nothing was found."""
    found = {}
    for name, fault in FAULTS.items():
        may_be_left()
        if (finding := fault.look(case)) is not None:
            found[name] = finding
    before = _LONG_BEFORE * case.horizon
    kept = [
        finding
        for name, finding in found.items()
        if not any(found[other].lead - finding.lead <= before for other in FAULTS[name].explained_by if other in found)
    ]
    return sorted(kept, key=lambda finding: (finding.limit, -finding.strength))


def in_lines(findings: Sequence[Finding]) -> list[str]:
    """A line a finding, for a terminal or a report: 'Frozen (strong): ... Try: ...'."""
    return [f"{FAULTS[one.name].title} ({one.severity}): {one.sentence} {one.advice}" for one in findings] or [NOTHING]
