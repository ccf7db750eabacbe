"""Forecasts as files that other programs open: NumPy arrays, pictures in a ZIP, film."""

from framecast.export.film import mp4
from framecast.export.pictures import npy, png_zip

__all__ = ["mp4", "npy", "png_zip"]
