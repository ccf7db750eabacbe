"""A live run as the pages see it: what the workers publish, and nothing that could be changed from outside."""

from dataclasses import dataclass
from typing import Literal

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
