"""Decimal numbers in the names of files: p_0.05 comes before p_0.1, and v1.9 before v1.10.

Natural order takes digits as whole numbers, piece by piece, so that p_0.05 would come after p_0.1. That is right for versions,
chapters and dates that begin with the year, and wrong for times and for dates that end with it. They are told apart by how
they are written, since what writes times of several lengths (Python, MATLAB, C's %g) leaves out the zeros at their end: where
two names are of one value (1.1 and 1.10), or some end in a zero (1.20) and none of the longest begins with one, they are no
decimal numbers. A minus counts as a sign where it cannot be a hyphen. Wherever that changes an order, or could have, a note
says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import PurePosixPath

from framecast.series.readers.contract import printable, warn

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]\d{2,3}(?!\d))?", re.ASCII)
"""Exponents as Python, MATLAB and C write them, two digits at least: 5e-05."""
_SIGNED = re.compile(rf"[+-]?{NUMBER.pattern}", re.ASCII)
_CHAIN = re.compile(r"\d\.\d+\.\d", re.ASCII)
"""Three numbers with points between them, as in dates, versions and identifiers."""
_VERSION = re.compile(r"(?:^|[^a-z])(?:v|ver|version|rev|revision|release|build)[._ -]?$", re.IGNORECASE)
_SIGN_AFTER = re.compile(r"(?:^|[_=(])[+-]$")
_YEAR_LAST = re.compile(r"(?<!\d)(\d\d)([-._])(\d\d)\2((?:19|20)\d\d)(?!\d)", re.ASCII)
_YEARS, _MONTHS, _DAYS = range(1800, 2201), range(1, 13), range(1, 32)


@dataclass(frozen=True)
class Numbered:
    """Names that are alike but for their numbers."""

    heads: tuple[str, ...]
    """What stands before each number, in lower case, without its sign."""
    columns: tuple[tuple[str, ...], ...]
    """Every number of every name, with its sign: the first of all names, the second of all names."""

    def values(self) -> list[tuple[Decimal, ...]]:
        return list(zip(*(map(Decimal, column) for column in self.columns), strict=True))

    def changing(self) -> list[int]:
        return [index for index, column in enumerate(self.columns) if len(set(column)) > 1]

    def decimal(self) -> list[Decimal] | None:
        """The one number that changes, where natural order would not do and it is to be read as a decimal number."""
        changing = self.changing()
        if len(changing) != 1 or not _is_decimal(self.heads[changing[0]], self.columns[changing[0]]):
            return None
        return [Decimal(number) for number in self.columns[changing[0]]]


def by_number(names: Sequence[str], notes: list[str]) -> list[int]:
    """Indices of `names`, given in natural order, in the order that their numbers have."""
    natural = list(range(len(names)))
    if (by_date := _by_date(names, notes)) is not None:
        return by_date
    found = numbered([stem(name) for name in names])
    if found is None:
        return natural
    values = found.values()
    by_value = sorted(natural, key=values.__getitem__)
    if by_value == natural:
        return natural
    if found.decimal() is not None:
        index = next(index for index in natural if by_value[index] > by_value[index + 1])
        first, second = (printable(names[place]) for place in by_value[index : index + 2])
        warn(notes, f"The names were ordered by the decimal numbers in them, so that {first} comes before {second}.")
        return by_value
    if not any(_VERSION.search(found.heads[index]) for index in found.changing()):
        index = next(index for index in natural if values[index] > values[index + 1])
        first, second = (printable(name) for name in names[index : index + 2])
        warn(
            notes,
            f"The numbers in the names were taken piece by piece, so that {first} comes before {second}; if they are decimal "
            "numbers, write all of them with as many digits.",
        )
    return natural


def _by_date(names: Sequence[str], notes: list[str]) -> list[int] | None:
    """Indices of `names` in the order of dates whose year comes last, as 31-01-2024, with the same before them in all; None
    where there are none. The day comes before the month unless only the other way round makes dates of all."""
    dates = [date for name in names if (date := _YEAR_LAST.search(stem(name))) is not None]
    if len(dates) < len(names) or len({date.string[: date.start()] for date in dates}) != 1:
        return None
    parts = [(int(date[4]), int(date[1]), int(date[3])) for date in dates]
    for words, places in (("day, month and year", (0, 2, 1)), ("month, day and year", (0, 1, 2))):
        ordered = [tuple(one[place] for place in places) for one in parts]
        if all(month in _MONTHS and day in _DAYS for _, month, day in ordered):
            by_date = sorted(range(len(names)), key=ordered.__getitem__)
            if by_date != list(range(len(names))):
                index = next(place for place, after in enumerate(by_date[1:]) if by_date[place] > after)
                first, second = (printable(names[place]) for place in by_date[index : index + 2])
                warn(notes, f"The dates in the names were read as {words}, so that {first} comes before {second}.")
            return by_date
    return None


def pattern(name: str) -> str:
    """What is the same in names that differ in numbers and their signs only."""
    return _SIGNED.sub("#", stem(name).casefold())


def stem(name: str) -> str:
    """The name without its suffix; digits behind its last point are none."""
    path = PurePosixPath(name)
    return path.name if path.suffix[1:].isdigit() else path.stem


def numbered(stems: Sequence[str]) -> Numbered | None:
    """None where names are not alike, or have no number, or points that are no decimal points."""
    if not stems or any(_CHAIN.search(stem) for stem in stems):
        return None
    texts = [NUMBER.split(stem.casefold()) for stem in stems]
    if len({(len(text), text[-1]) for text in texts}) > 1 or len(texts[0]) < 2:
        return None
    heads, signs = [], []
    for index, column in enumerate(list(zip(*texts, strict=True))[:-1]):
        signed = _signed(column, first=index == 0)
        if signed is None:
            return None
        heads.append(signed[0])
        signs.append(signed[1])
    columns = zip(*(NUMBER.findall(stem) for stem in stems), strict=True)
    with_sign = (tuple(map("".join, zip(*pair, strict=True))) for pair in zip(signs, columns, strict=True))
    return Numbered(tuple(heads), tuple(with_sign))


def _signed(column: Sequence[str], *, first: bool) -> tuple[str, Sequence[str]] | None:
    """What stands before one number of all names (`column`), its sign taken off, and the signs; None where that is not the
    same."""
    bare = {text.removesuffix("-").removesuffix("+") for text in column}
    if len(set(column)) > 1:  # t-1, t0, t1: a hyphen would be in all of them
        (head, *others) = bare
        found = None if others or not (head or first) else (head, [text[len(head) :] for text in column])
        return found if found is None or all(len(sign) < 2 for sign in found[1]) else None
    text = column[0]
    if _SIGN_AFTER.search(text) and (first or len(text) > 1):
        return text[:-1], [text[-1]] * len(column)
    return text, [""] * len(column)


def _is_decimal(head: str, numbers: Sequence[str]) -> bool:
    values = [Decimal(number) for number in numbers]
    negative = any(value < 0 for value in values)
    if len(set(values)) < len(values) or _VERSION.search(head):
        return False
    if not any("." in number for number in numbers):  # with a minus before all of them, it is rather a hyphen
        return negative and any(value >= 0 for value in values)
    fractions = [re.split("e", number.partition(".")[2], flags=re.IGNORECASE)[0] for number in numbers]
    longest = max(map(len, fractions))
    if all(len(fraction) == longest for fraction in fractions):
        return negative or any("e" in number.lower() for number in numbers)
    if _are_months(numbers):
        return False
    ends_in_zero = any(len(fraction) > 1 and fraction.endswith("0") for fraction in fractions)
    return not ends_in_zero or any(len(fraction) == longest and fraction.startswith("0") for fraction in fractions)


def _are_months(numbers: Sequence[str]) -> bool:
    """Whether each could be a year and a month: 2020.9, 2020.11."""
    parts = [number.partition(".") for number in numbers]
    return all(
        whole.isdigit() and int(whole) in _YEARS and month.isdigit() and month[0] != "0" and int(month) in _MONTHS
        for whole, _, month in parts
    )
