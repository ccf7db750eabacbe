"""Rows of benchmarks, and the section of RESULTS.md that a run of them replaces.

A row sets our time beside another's, measured in turns in the same run, and beside a floor: what the machine needs at least,
by its own measured rates. What could not be run is a row that says why; nothing is left out in silence.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- {name}: begin, written by the script -->", "<!-- {name}: end -->"


@dataclass(frozen=True)
class Row:
    """`ours` and `theirs` are medians in `unit`, the ratio theirs / ours; `floor` is in the same unit."""

    part: str
    what: str
    ours: float | None = None
    theirs: float | None = None
    against: str = ""
    unit: str = "s"
    floor: float | None = None
    floor_is: str = ""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.theirs / self.ours if self.ours and self.theirs is not None else None

    @property
    def of_floor(self) -> float | None:
        """Which share of our time the floor is."""
        return self.floor / self.ours if self.ours and self.floor is not None else None


def markdown(rows: Iterable[Row]) -> str:
    """One table a part."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.part, []).append(row)
    return "\n".join(_table(part, some) for part, some in parts.items())


def _table(part: str, rows: Sequence[Row]) -> str:
    lines = [
        f"### {part}",
        "",
        "| what | ours | beside it | against | ratio | floor | floor is of ours | note |",
        "|" + "---|" * 8,
    ]
    for row in rows:
        cells = [
            row.what,
            _number(row.ours, row.unit),
            _number(row.theirs, row.unit),
            row.against,
            "" if row.ratio is None else f"{row.ratio:.2f}",
            _number(row.floor, row.unit),
            "" if row.of_floor is None else f"{row.of_floor:.0%} ({row.floor_is})",
            row.note,
        ]
        lines.append("| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def _number(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.3g} {unit}"


def replace_section(path: Path, name: str, text: str) -> None:
    """Put `text` in place of what an earlier run wrote under this name; before the first section where there was none."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    whole = path.read_text(encoding="utf-8") if path.exists() else "# Results\n\n"
    section = f"{begin}\n{text.strip()}\n{end}\n"
    if begin in whole:
        before, rest = whole.split(begin, 1)
        after = rest.split(end, 1)[1].lstrip("\n") if end in rest else rest
        whole = before + section + ("\n" + after if after else "")
    else:
        place = whole.find("\n## ")
        place = len(whole) if place < 0 else place + 1
        whole = whole[:place] + section + "\n" + whole[place:]
    path.write_text(whole, encoding="utf-8")


def replace_rows(path: Path, name: str, text: str, gone: Iterable[tuple[str, str]] = ()) -> bool:
    """Put the rows of the tables of `text` in place of those of the same table and name in the section that an earlier run
    wrote; all others stay, but for those that are `gone`, (table, row) each. Whether there was such a section."""
    begin, end = BEGIN.format(name=name), END.format(name=name)
    whole = path.read_text(encoding="utf-8") if path.exists() else ""
    if begin not in whole or end not in whole:
        return False
    before, rest = whole.split(begin, 1)
    section, after = rest.split(end, 1)
    head, *_ = section.partition("\n### ")
    tables, new = _rows_by_table(section), _rows_by_table(text)
    for part, row in gone:
        tables.get(part, {}).pop(row, None)
    for part, rows in new.items():
        tables[part] = {**tables.get(part, {}), **rows}
    kept = [_table_of(part, rows) for part, rows in tables.items() if rows]
    path.write_text("\n\n".join([before + begin + head.rstrip(), *kept]) + "\n" + end + after, encoding="utf-8")
    return True


def _rows_by_table(text: str) -> dict[str, dict[str, list[str]]]:
    """Title of a table to the name of a row to its lines: several where a thing was measured several times."""
    tables: dict[str, dict[str, list[str]]] = {}
    for part in ("\n" + text).split("\n### ")[1:]:
        title, *lines = part.splitlines()
        rows = tables.setdefault(title, {})
        for line in lines[3:]:  # an empty one, the names of the columns, the rule below them
            if line.startswith("| "):
                rows.setdefault(line[2:].split(" | ", 1)[0], []).append(line)
    return tables


def _table_of(title: str, rows: dict[str, list[str]]) -> str:
    return "\n".join([*_table(title, []).splitlines()[:4], *(line for lines in rows.values() for line in lines)])


def in_turns(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each, in turns after one round that does not count, so that a machine whose speed drifts is fair to all.
    Each work says its own seconds."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            value = work()
            if turn:
                seen[name].append(value)
    return {name: statistics.median(values) for name, values in seen.items()}
