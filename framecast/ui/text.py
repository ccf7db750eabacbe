"""Words and numbers as people read them. What a user named is escaped here before it meets Streamlit's markdown."""

import re
from datetime import datetime

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~:$^=])")


def escaped(text: str) -> str:
    """`text` so that markdown shows it as it stands: no emphasis, links, pictures, colours or formulas, on one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def thousands(number: int) -> str:
    """1851005275 as '1,851,005,275'."""
    return f"{number:,}"


def value(number: float) -> str:
    """Four significant digits, without a tail of zeros: 0.001234, 96040, 1.5."""
    return f"{number:.4g}" if not 1e4 <= abs(number) < 1e7 else f"{number:,.0f}"


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
