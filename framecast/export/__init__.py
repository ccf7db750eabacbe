"""Forecasts as files that other programs open: arrays, TIFF stacks, pictures, films, figures, and a report.

`kinds.py` lists what is made of a finished run and the truth it is held against (`evidence.py`).
"""

from framecast.export.arrays import array_bytes
from framecast.export.evidence import Evidence
from framecast.export.film import mp4
from framecast.export.kinds import KINDS, Asked, ExportKind, by_suffix
from framecast.export.pictures import png_zip
from framecast.export.stack import tiff

__all__ = ["KINDS", "Asked", "Evidence", "ExportKind", "array_bytes", "by_suffix", "mp4", "png_zip", "tiff"]
