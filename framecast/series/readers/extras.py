"""Formats whose libraries are not everyone's: without them such a file is refused in a sentence that says what to install."""

import importlib
from typing import Any

from framecast.errors import SeriesError
from framecast.series.readers.contract import Upload

EXTRAS = "requirements-extras.txt"


def needed(file: Upload, what: str, *packages: str) -> list[Any]:
    """The packages, imported. Raises SeriesError where one is not installed."""
    try:
        return [importlib.import_module(package) for package in packages]
    except ImportError:
        listed = " and ".join(packages)
        raise SeriesError(
            f"{file.label} is {what}, which is read by {listed}, and that is not installed here. Install it: "
            f"python -m pip install -r {EXTRAS}."
        ) from None
