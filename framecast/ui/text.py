"""Words and numbers as people read them. What a user named is escaped here before it meets Streamlit's markdown."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~:$^=&])")
_ADDRESS = re.compile(r"(://|www(?=\.)|(?<=\S)@(?=\S))", re.IGNORECASE)
_UNSEEN = "\u2060"
"""Keeps what looks like an address from becoming a link: for that it must be unbroken, and a backslash does not break it."""
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Letters that are not seen and turn the order of those that are: 'gnp.exe' would be read as 'exe.png'."""
_NUMBER = re.compile(r"[+-]?[\d.,]+(e[+-]?\d+)?")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_LONGEST_NAME = 48


def escaped(text: str) -> str:
    """`text` so that markdown shows it as it stands: no emphasis, links, pictures, colours or formulas, on one line."""
    return _MARKDOWN.sub(r"\\\1", _ADDRESS.sub(rf"\1{_UNSEEN}", " ".join(_TURNS.sub("?", text).split())))


def short(text: str, longest: int = _LONGEST_NAME) -> str:
    """At most `longest` letters: a longer text loses its middle, because names often differ at the end."""
    text = _TURNS.sub("?", text)
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 3
    return f"{text[: longest - 1 - tail]}…{text[-tail:]}"


def distinct(labels: Mapping[str, str]) -> dict[str, str]:
    """Id to label for a box to choose from. The browser tells the label and not the id, so where several are alike each is
    followed by the end of its id."""
    said = Counter(labels.values())
    return {one: f"{label} · {one[-8:]}" if said[label] > 1 else label for one, label in labels.items()}


def cell(text: str) -> str:
    """`text` for a table, which can be taken away as CSV: a name that a spreadsheet would compute is led by an apostrophe."""
    text = _TURNS.sub("?", text)
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@")) and not _NUMBER.fullmatch(text.strip()) else text


def thousands(number: int) -> str:
    """1851005275 as '1,851,005,275'."""
    return f"{number:,}"


def value(number: float) -> str:
    """Four significant digits in plain decimals, without a tail of zeros: 0.001234, 96,040, 1.5, 0.00005."""
    if not math.isfinite(number):
        return "not a number" if math.isnan(number) else ("∞" if number > 0 else "-∞")
    if number and not 1e-7 <= abs(number) < 1e15:
        digits, power = f"{number:.3e}".split("e")
        return f"{digits.rstrip('0').rstrip('.')} × 10{str(int(power)).translate(_RAISED)}"
    text = f"{number:,.{decimals([number])}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals(numbers: Iterable[float]) -> int:
    """How many decimals a column of `numbers` has: four significant digits for the largest, and up to two decimals more where
    the smallest would be left with fewer than three. At most 10, so that a column of next to nothing stays a column."""
    sizes = [abs(number) for number in numbers if math.isfinite(number) and number]
    if not sizes:
        return 0
    most, least = (math.floor(math.log10(size)) for size in (max(sizes), min(sizes)))
    usual = max(0, 3 - most)
    return min(10, max(usual, min(usual + 2, 2 - least)))


def fixed(number: float, n_decimals: int) -> str:
    """A number of a column: '0.9000', '96,040', '∞', and never '-0.00'."""
    if not math.isfinite(number):
        return "–" if math.isnan(number) else ("∞" if number > 0 else "-∞")
    text = f"{number:,.{n_decimals}f}"
    return text if text.strip("-0.,") else text.lstrip("-")


def duration(seconds: float) -> str:
    """'8 s', '2 min 05 s', '1 h 20 min'."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def with_units(number: float, units: str) -> str:
    """A value with its unit; dimensionless values (units '1') stand alone."""
    return value(number) if units in ("", "1") else f"{value(number)} {units}"


def moment(created: str) -> str:
    """An ISO 8601 time as '22 Nov, 07:31' in the local zone of the server."""
    return datetime.fromisoformat(created).astimezone().strftime("%d %b, %H:%M").lstrip("0")


def count(number: int, noun: str) -> str:
    """'1 frame', '400 frames'."""
    return f"{thousands(number)} {noun}{'' if number == 1 else 's'}"


def frame_range(first: int, last: int) -> str:
    """'frame 5', 'frames 5 to 9'; counted from 1."""
    return f"frame {thousands(first)}" if first == last else f"frames {thousands(first)} to {thousands(last)}"


def preset_title(preset: str) -> str:
    """A preset as the form calls it."""
    return {"question": "As in the question"}.get(preset, preset[:1].upper() + preset[1:])
