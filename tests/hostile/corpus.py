"""The corpus of hostile and broken files: `python -m tests.hostile.corpus FOLDER` writes it, with one line of JSON a case."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.hostile import archives, arrays, containers, pictures, stacks
from tests.hostile.case import Case, written


def cases() -> Iterator[Case]:
    for module in (pictures, archives, arrays, stacks, containers):
        yield from module.cases()


def write(folder: Path) -> list[str]:
    """Names of the cases, written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    with (folder / "cases.jsonl").open("w", encoding="utf-8") as index:
        for number, case in enumerate(cases()):
            index.write(json.dumps(written(case, folder, number)) + "\n")
            names.append(case.name)
    return names


if __name__ == "__main__":
    print(f"{len(write(Path(sys.argv[1])))} cases")
