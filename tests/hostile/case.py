"""One hostile or broken input: the files, and what must become of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Case:
    name: str
    files: tuple[tuple[str, bytes], ...]
    """(name as the person's machine gave it, content)."""
    words: str = ""
    """What the refusal must say, as a regular expression; "" where the files are to be read."""
    frames: Array | None = None
    """(time, height, width, channel): what they must be read as."""

    @classmethod
    def refused(cls, name: str, words: str, content: bytes, file: str) -> "Case":
        return cls(name, ((file, content),), words)

    @classmethod
    def read(cls, name: str, frames: Array, content: bytes, file: str) -> "Case":
        return cls(name, ((file, content),), "", frames)


def written(case: Case, folder: Path, number: int) -> dict[str, Any]:
    """The case's files under names of their own in `folder`, and what is to be known of it as plain JSON."""
    places = []
    for index, (name, content) in enumerate(case.files):
        place = folder / f"{number:03}-{index:03}"
        place.write_bytes(content)
        places.append([name, place.name])
    if case.frames is not None:
        np.save(folder / f"{number:03}.npy", case.frames)
    return {"name": case.name, "files": places, "words": case.words, "frames": case.frames is not None, "number": number}
