"""What a person says of a run: another name, tags, a note, and whether it stays on top of the list.

    <run id>/notes.json   beside record.json, which is written once and never changed

Nothing that a run does depends on it, so a file that is missing or damaged costs no more than these words.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from framecast.errors import SettingError, UnknownNameError
from framecast.files import write_json

FILE = "notes.json"
LONGEST_TITLE, LONGEST_TAG, LONGEST_NOTE, MOST_TAGS = 80, 40, 2000, 20


@dataclass(frozen=True)
class RunNotes:
    """Raises SettingError on words that are too long or too many."""

    title: str = ""
    """What the run is called instead of the title in its record; empty where nobody renamed it."""
    tags: tuple[str, ...] = ()
    note: str = ""
    pinned: bool = False

    def __post_init__(self) -> None:
        texts = [self.title, self.note, *self.tags]
        if not all(isinstance(text, str) for text in texts) or not isinstance(self.pinned, bool):
            raise SettingError("Name, tags and note of a run are text, and it is pinned or not. Write them again.")
        if len(self.title) > LONGEST_TITLE:
            raise SettingError(
                f"The name has {len(self.title)} letters; at most {LONGEST_TITLE} are kept. Choose a shorter name, and write "
                "the rest as a note."
            )
        if len(self.note) > LONGEST_NOTE:
            raise SettingError(
                f"The note has {len(self.note):,} letters; at most {LONGEST_NOTE:,} are kept. Shorten it by "
                f"{len(self.note) - LONGEST_NOTE:,}."
            )
        if len(self.tags) > MOST_TAGS:
            raise SettingError(f"There are {len(self.tags)} tags; a run has at most {MOST_TAGS}. Leave some out.")
        for tag in self.tags:
            if not tag or len(tag) > LONGEST_TAG:
                raise SettingError(f"The tag '{tag[:60]}' has {len(tag)} letters; a tag has 1 to {LONGEST_TAG}. Shorten it.")

    @classmethod
    def of(cls, *, title: str = "", tags: Iterable[str] = (), note: str = "", pinned: bool = False) -> Self:
        """As a person typed them: on one line, without blanks around, each tag once."""
        clean = dict.fromkeys(tag for tag in (_on_one_line(tag) for tag in tags) if tag)
        lines = "\n".join(_printable(line).rstrip() for line in note.splitlines()).strip()
        return cls(_on_one_line(title), tuple(clean), lines, pinned)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Raises TypeError, ValueError, KeyError or SettingError on what `to_mapping` cannot have given."""
        return cls(**{**values, "tags": tuple(values.get("tags", ()))})

    def to_mapping(self) -> dict[str, Any]:
        return asdict(self)


def read_notes(folder: Path) -> RunNotes:
    """Of the run in `folder`; empty where there are none, or none that can be read."""
    try:
        return RunNotes.from_mapping(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, SettingError):
        return RunNotes()


def write_notes(folder: Path, notes: RunNotes) -> None:
    """Whole or not at all. Raises UnknownNameError of a run that is gone, StorageError where the disk refuses."""
    if not folder.is_dir():
        raise UnknownNameError(f"The run '{folder.name}' was deleted. Bring it back from the trash to note something of it.")
    write_json(folder / FILE, notes.to_mapping())


def _on_one_line(text: str) -> str:
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
