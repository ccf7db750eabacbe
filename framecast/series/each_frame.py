"""What is known of each frame beside its values: the name of its file, and when it was taken. Kept beside the frames, as JSON,
only where it is known of every frame; series stored before it was kept have none."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framecast.files import write_json

FILES = ("names.json", "times.json")


def keep(folder: Path, n_frames: int, names: Sequence[str], times: Sequence[float]) -> None:
    if len(names) == n_frames:
        write_json(folder / "names.json", {"names": list(names)})
    if len(times) == n_frames:
        write_json(folder / "times.json", {"seconds": list(times)})


def names(folder: Path, n_frames: int) -> tuple[str, ...]:
    found = tuple(map(str, _listed(folder / "names.json", "names")))
    return found if len(found) == n_frames else ()


def times(folder: Path, n_frames: int) -> tuple[float, ...]:
    found = tuple(float(one) for one in _listed(folder / "times.json", "seconds") if isinstance(one, int | float))
    return found if len(found) == n_frames and all(map(math.isfinite, found)) else ()


def _listed(path: Path, key: str) -> list[Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return kept if isinstance(kept, list) else []
