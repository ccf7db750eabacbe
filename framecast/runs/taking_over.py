"""The files of a finished run in the place of those of its result before. What a crash cut short, whoever comes next ends.

    extension/         where a finished run goes on, beside its result
    extension.done/    the same once it has come to its end, until its files have moved into the run's folder
"""

import contextlib
import os
import shutil
from pathlib import Path

STAGE = "extension"


def done_folder(folder: Path) -> Path:
    return folder / f"{STAGE}.done"


def settle_extension(folder: Path) -> None:
    """Finish what `take_over` began in this run folder, if a crash cut it short. Whoever comes first does it."""
    done = done_folder(folder)
    if not done.is_dir():
        return
    for name in ("best", "last"):
        _swap(done / "checkpoint" / name, folder / "checkpoint" / name, done / f"was_{name}")
    for path in sorted(done.rglob("*"), key=lambda path: path.name == "scores.csv"):
        if path.is_file() and not path.relative_to(done).parts[0].startswith("was_"):
            with contextlib.suppress(FileNotFoundError):  # another process was quicker
                (folder / path.relative_to(done)).parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, folder / path.relative_to(done))
    shutil.rmtree(done, ignore_errors=True)


def _swap(new: Path, old: Path, aside: Path) -> None:
    """Whole: what only the old one had must not be read as a part of the new one. It goes on where a crash cut it short, and
    whatever another process has done of it meanwhile."""
    if new.is_dir():
        with contextlib.suppress(OSError):
            if not aside.exists():
                os.replace(old, aside)
        with contextlib.suppress(OSError):
            old.parent.mkdir(parents=True, exist_ok=True)
            os.replace(new, old)
