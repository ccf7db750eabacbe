"""Colours that mean something: one per forecaster, and the two maps that pictures are drawn with.

A forecaster has the same colour in every chart, page and theme, so each is chosen to stand out from a white and from a
near-black page alike. Errors use a map that is neutral at zero; a signed error drawn on a one-sided map hides its sign.
"""

from typing import Any
from zlib import crc32

import numpy as np

Lut = np.ndarray[Any, np.dtype[np.uint8]]
"""(256, 3) red, green, blue."""

MASKED = (165, 120, 0)
"""Red, green, blue of a pixel that carries no data: an ochre that is far from every grey and from every colour of the
maps of errors and spreads, also to eyes that lack red, green or blue. The player's colours.js has the same."""

_FORECASTERS = {
    "persistence": "#8a929a",
    "climatology": "#ba3df4",
    "damped": "#b7462d",
    "damped_trend": "#c60077",
    "seasonal": "#9a7ea8",
    "analog": "#6f5fe6",
    "optical_flow": "#00a600",
    "pod_var": "#e619cf",
    "dmd": "#e8341c",
    "local_law": "#9848a0",
    "moving_objects": "#d068c8",
    "convlstm": "#2f7fc1",
    "predrnn": "#0095ad",
    "unet": "#c4701c",
    "advect": "#4f8f1f",
    "convnext_unet": "#986060",
    "simvp": "#f05098",
    "tau": "#0068f8",
    "cnn_lstm": "#00737a",
    "flatten_lstm": "#c63155",
    "auto": "#2e9463",
    "ensemble": "#8a7a00",
    "ceiling": "#687a37",
    "ceiling_background": "#8c6a2f",
    "ceiling_warp": "#3f7f5f",
}
_OTHERS = ("#2f97ab", "#a5813f", "#5b78dd", "#b8622b", "#5f8a3a")
CURSOR = "#8a929a"
TRUTH = "#6d8fa3"
"""Of the truth where it is a line among forecasters: broad and pale, since no colour is left that none of them has."""
TRUTH_WIDTH = 6
INKS = {"light": "#4a5661", "dark": "#b4bfc8"}
"""The letters of a chart, by theme: no one colour can be read on both."""

_DIVERGING = (
    (33, 102, 172), (103, 169, 207), (209, 229, 240), (247, 247, 247), (253, 219, 199), (239, 138, 98), (178, 24, 43),
)  # fmt: skip

_SEQUENTIAL = (
    (252, 251, 253), (239, 237, 245), (218, 218, 235), (188, 189, 220), (158, 154, 200), (128, 125, 186), (106, 81, 163),
    (84, 39, 143), (63, 0, 125),
)  # fmt: skip


_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""Linear sRGB to XYZ (IEC 61966-2-1)."""


def forecaster_colour(name: str) -> str:
    """The colour of a forecaster as #rrggbb; one that has none of its own always gets the same of a few others."""
    return _FORECASTERS.get(name) or _OTHERS[crc32(name.encode()) % len(_OTHERS)]


def grey_lut() -> Lut:
    return np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def error_lut() -> Lut:
    """Blue below zero, near-white at zero, red above (ColorBrewer RdBu, reversed)."""
    return _between(_DIVERGING, even_sides=True)


def spread_lut() -> Lut:
    """Near-white where nothing is unsure, as an error of zero is, to dark purple (ColorBrewer Purples)."""
    return _between(_SEQUENTIAL, even_sides=False)


def lab(colours: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Colours (..., 3), 0 to 255, in CIELAB (D65), where distances are as large as they look."""
    srgb = np.asarray(colours, dtype=np.float64) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    x, y, z = np.moveaxis(linear @ _TO_XYZ.T / _TO_XYZ.sum(axis=1), -1, 0)
    f_x, f_y, f_z = (np.where(part > 216 / 24389, np.cbrt(part), (24389 / 27 * part + 16) / 116) for part in (x, y, z))
    return np.stack([116 * f_y - 16, 500 * (f_x - f_y), 200 * (f_y - f_z)], axis=-1)


def gradient(lut: Lut, n_stops: int = 17) -> str:
    """The map as a CSS gradient from left to right, made of the very colours that the pictures have."""
    rows = np.linspace(0, 255, n_stops).round().astype(int)
    stops = ", ".join(f"rgb({red},{green},{blue})" for red, green, blue in lut[rows])
    return f"linear-gradient(to right, {stops})"


def faded(colour: str, alpha: float) -> str:
    """A colour #rrggbb as one that lets through what is behind it."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _between(colours: tuple[tuple[int, int, int], ...], *, even_sides: bool) -> Lut:
    """From the first to the last, in steps that look equally large: equal distances in CIELAB along the way, with `even_sides`
    on each side of the middle colour by itself, so that this one stays in the middle."""
    anchors = np.array(colours, dtype=np.float64)
    fine = np.linspace(0, len(anchors) - 1, 4096)
    way = np.stack([np.interp(fine, np.arange(len(anchors)), anchors[:, channel]) for channel in range(3)], axis=1)
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab(way), axis=0), axis=1))])
    middle = gone[(len(fine) - 1) // 2]
    if even_sides:
        share = np.where(gone <= middle, gone / middle, 1 + (gone - middle) / (gone[-1] - middle)) / 2
    else:
        share = gone / gone[-1]
    places = np.interp(np.linspace(0, 1, 256), share, np.arange(len(fine)))
    lut: Lut = way[places.round().astype(int)].round().astype(np.uint8)
    return lut
