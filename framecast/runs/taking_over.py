"""The files of a finished run in the place of those of its result before. What a crash cut short, whoever comes next ends.

Only who holds the run does it: two that do it at once would take from each other what they have just put in place.

    extension/         where a finished run goes on, beside its result
    extension.done/    the same once it has come to its end, until its files have moved into the run's folder
"""

import os
import shutil
from pathlib import Path

from framecast.files import set_aside, settled

STAGE = "extension"


def done_folder(folder: Path) -> Path:
    return folder / f"{STAGE}.done"


def settle_extension(folder: Path) -> None:
    """Finish what `take_over` began in this run folder, if a crash cut it short. Only for whoever holds the run; who reads
    meanwhile asks `standing` for the checkpoints."""
    done = done_folder(folder)
    if not done.is_dir():
        return
    for name in ("best", "last"):
        _swap(done / "checkpoint" / name, folder / "checkpoint" / name)
    files = [Path(root, name) for root, _, names in os.walk(done) for name in names]
    for path in sorted(files, key=lambda path: path.name == "scores.csv"):
        target = folder / path.relative_to(done)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
    shutil.rmtree(done, ignore_errors=True)


def _swap(new: Path, old: Path) -> None:
    """Whole: what only the old one had must not be read as a part of the new one. It goes on where a crash cut it short."""
    if not new.is_dir():
        return
    old.parent.mkdir(parents=True, exist_ok=True)
    if settled(old).exists():
        os.replace(old, set_aside(old))
    os.replace(new, old)
    shutil.rmtree(set_aside(old), ignore_errors=True)
