"""Forecasts as files that other programs open: arrays, TIFF stacks, pictures in a ZIP, film."""

from framecast.export.arrays import array_bytes
from framecast.export.film import mp4
from framecast.export.pictures import png_zip
from framecast.export.stack import tiff

__all__ = ["array_bytes", "mp4", "png_zip", "tiff"]
