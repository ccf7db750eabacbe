"""Files into the store, with what the command line says of them; and what there is to say, where files leave it open."""

import argparse
from pathlib import Path

from framecast.cli.screen import Screen, table
from framecast.errors import ChoiceNeededError, SeriesError, SettingError
from framecast.series.ingest import Contents, Upload, Wanted, check_there, ingest
from framecast.series.readers.contract import printable
from framecast.series.store import SeriesStore, StoredSeries

OPTIONS = {"variable": "", "axes": "", "sizes": "", "missing": "", "units": "", "start": 1, "end": None, "every": 1}
"""Options of `run` and `series add` that say how files are read, as they are when nothing is said."""


def added(sources: list[str], asked: argparse.Namespace, screen: Screen, name: str | None = None) -> StoredSeries:
    """The series that the files make. Raises SeriesError; where something is to be chosen, the choices are listed first."""
    paths = [existing(source) for source in sources]
    folder = next((path for path in paths if path.is_dir()), None)
    if folder is not None and len(paths) > 1:
        raise SeriesError(
            f"'{folder}' is a folder and {len(paths)} paths are given; a series is one folder, or files. Give it alone, or "
            "name the files in it."
        )
    uploads = [Upload.from_path(path) for path in paths]
    wanted = Wanted(asked.start - 1, asked.end, asked.every)
    try:
        stored = ingest(
            paths[0] if len(paths) == 1 else uploads,
            SeriesStore(asked.workspace),
            name=name,
            units=asked.units,
            variable=asked.variable,
            axes=asked.axes,
            sizes=asked.sizes,
            missing=asked.missing,
            wanted=wanted,
            progress=screen.ingested,
        )
    except ChoiceNeededError as error:
        if isinstance(error.contents, Contents):
            screen.complain(described(error.contents))
        raise SeriesError(f"{error} {_option(error)}") from error
    finally:
        screen.clear()
    if stored.n_frames < (wanted.count(asked.end) or 0):
        screen.say(f"The files end before frame {asked.end}: {stored.n_frames} frames were read.")
    return stored


def existing(source: str) -> Path:
    """The path that a person wrote, where something lies that can be read. An empty one, as of a variable that is not set,
    would be the folder that one is in. Raises SeriesError."""
    path = Path(source)
    if not source or not path.exists():
        found = f"There is no file or folder '{source}'" if source else "The path is empty"
        raise SeriesError(f"{found}; frames must be where the path says. Check the path.")
    check_there(path)
    return path


def refuse_reading_options(asked: argparse.Namespace) -> None:
    """A series that is stored has been read: what says how to read it would change nothing."""
    for option, default in OPTIONS.items():
        if getattr(asked, option) != default:
            raise SettingError(
                f"--{option} says how files are read, and '{asked.series}' is not a file. Leave it out, or give the files."
            )


def described(contents: Contents) -> str:
    """What a file holds, as a table."""
    if not contents.parts:
        return f"{contents.label} leaves nothing to choose."
    rows = []
    for part in contents.parts:
        for index, layout in enumerate(part.options):
            mark = "as it is read" if layout == part.guess else ""
            head = (printable(part.name), part.in_words) if index == 0 else ("", "")
            rows.append((*head, str(layout), layout.in_words(part.shape) if part.kind != "cell" else "a frame a cell", mark))
    return table(("--variable", "holds", "--axes", "which makes", ""), rows, left=(0, 1, 2, 3, 4))


def _option(error: ChoiceNeededError) -> str:
    """The option that answers what is open."""
    if error.sizes:
        return f"Say it by --sizes {', '.join(error.sizes[:-1])} or {error.sizes[-1]}."
    if error.missing:
        return f"Say it by --missing {' or '.join(error.missing)}."
    return "Say it by --variable and --axes."
