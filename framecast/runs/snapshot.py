"""A live run as the pages see it: what the workers publish, and nothing that could be changed from outside."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from framecast.runs.run_folder import Run
from framecast.training.progress import FitProgress, Preview

Phase = Literal["waiting", "training", "forecasting", "paused"]
AT_WORK = ("training", "forecasting")


@dataclass(frozen=True, eq=False)
class JobSnapshot:
    """A live run at one moment. Never changes; ask for a new one."""

    run_id: str
    title: str
    phase: Phase = "waiting"
    stopping: bool = False
    """Stop was asked for; what is best so far is about to forecast."""
    progress: FitProgress | None = None
    preview: Preview | None = None
    """The latest there was."""
    history: tuple[FitProgress, ...] = ()
    """One per finished epoch and per validation, without previews."""
    started_s: float = 0.0
    """When it was queued, then when it began: seconds since 1970, as time.time()."""
    device: str = ""
    """Where it computes; of one that waits, where it was asked to: "cuda" is any GPU."""
    pausing: bool = False
    """Pause was asked for; it leaves the device as soon as it has kept where it stands."""
    hurrying: bool = False
    """Stop was asked for while it was scored: what can be left out is."""


def told_before(run: Run) -> Iterator[FitProgress]:
    """What a run that goes on has told before it was left."""
    checkpoint = run.checkpoint()
    n_lines = checkpoint[1].get("n_lines", 0) if checkpoint else 0
    for line in run.progress()[:n_lines]:
        with contextlib.suppress(TypeError):  # of another version, with fields of its own
            yield FitProgress(**line)
