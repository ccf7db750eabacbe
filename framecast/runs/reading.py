"""What a run's file holds, read as if somebody else had written it: cut short, emptied, another's, or as it should be."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError

from framecast.errors import FrameCastError, StorageError, memory_ran_out
from framecast.training.progress import FitProgress

T = TypeVar("T")
Array = np.ndarray[Any, np.dtype[Any]]
UNREADABLE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, RuntimeError, SafetensorError, csv.Error,
    FrameCastError,
)  # fmt: skip
"""What reading a file raises that is not what was written: cut short, emptied, another's."""
_NO_PROGRESS = FitProgress(stage="").to_mapping()


def readable(run_id: str, name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except UNREADABLE as error:
        if memory_ran_out(error):
            raise
        raise StorageError(
            f"{name} of run '{run_id}' is damaged ({_reason(error)}); it must be whole to be shown. "
            "Restore the file, or delete the run and run it again."
        ) from error


def _reason(error: Exception) -> str:
    """Without the path that an OSError speaks of: whoever looks at a page need not know where the server keeps its files."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def mapping(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def progress_line(text: str) -> dict[str, Any]:
    """A line of progress.jsonl, with defaults for what it lacks. Raises ValueError or TypeError where its values are not of
    the kinds that FitProgress has."""
    line = {**_NO_PROGRESS, **json.loads(text)}
    numbers = ("train_loss", "learning_rate", "elapsed_s", "fraction", "unroll", "n_epochs", "best_epoch", "steps_per_epoch")
    kinds = {"stage": str, "epoch": int, "step": int, "valid_scores": dict, "valid_curves": dict}
    right = all(isinstance(line[name], kind) for name, kind in kinds.items())
    right &= all(line[name] is None or isinstance(line[name], int | float) for name in numbers)
    right &= all(isinstance(score, int | float) for score in line["valid_scores"].values())
    if not right:
        raise TypeError("not a line of progress")
    return line


def read_weights(path: Path) -> dict[str, Array]:
    found: dict[str, list[float]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        name, _, weight = line.split(",")
        found.setdefault(name, []).append(float(weight))
    return {name: np.array(weights) for name, weights in found.items()}
