"""A prepared frame exactly as a network will see it: at working size, in scaled values, and a part of it pixel by pixel."""

from typing import Any

import numpy as np
import streamlit as st

from framecast.drawing.pictures import DisplayRange, display_range, picture, still
from framecast.errors import FrameCastError
from framecast.runs.preflight import default_preparation
from framecast.series.derive import Recipe, kept_frames, prepared_frame, prepared_mask
from framecast.series.frames import Frames, FrameSeries, Preparation, Split
from framecast.series.preparation import reduce_frames, reduce_mask
from framecast.series.store import StoredSeries
from framecast.training.scaling import Scaler
from framecast.ui.size_choice import size_options
from framecast.ui.stills import stills
from framecast.ui.text import count, value

_MEASURED = 16
_ZOOMED = 40
"""Pixels of the enlarged part, each way."""
_NATIVE = 0


def network_sees(stored: StoredSeries, series: FrameSeries, recipe: Recipe, index: int) -> None:
    """Draw frame `index` prepared, at working size and zoomed; nothing where the recipe does not fit the series."""
    try:
        kept = [one for one in range(series.n_frames)] if recipe.does_nothing else kept_frames(recipe, series)
        valid = prepared_mask(series, recipe)
        frame = prepared_frame(series, recipe, index)
    except FrameCastError:
        return  # said beside the fields
    height, width = frame.shape[:2]
    st.subheader("As a network will see it", anchor=False)
    usual = default_preparation(height, width, "cpu").size or _NATIVE
    options = [_NATIVE, *size_options(min(height, width))]
    size = st.selectbox(
        "Working size",
        options,
        index=options.index(usual) if usual in options else 0,
        format_func=lambda one: "native" if one == _NATIVE else f"{one} px",
        key=f"seen_size_{stored.digest}_{height}x{width}",
        help="For this look only; it is chosen on the Train page. 128 px is usual on a processor, 256 px on a GPU.",
        width=220,
    )
    preparation = Preparation(size or None)
    small = _small(series, recipe, index, preparation)
    mask = None if valid is None else reduce_mask(valid, small.shape[:2])
    scaler, n_measured = _scaler(series, recipe, kept, preparation, mask)
    mean, spread = (np.array(numbers, np.float32) for numbers in (scaler.mean, scaler.spread))
    scaled = (small.astype(np.float32) - mean) / spread
    measured = scaled if mask is None or not mask.any() else scaled[mask]
    shown = DisplayRange(float(measured.min()), max(float(measured.max()), float(measured.min()) + 1e-6))
    zoomed, its_mask = _middle(scaled), None if mask is None else _middle(mask)
    stills(
        [
            (still(picture(frame, display_range(stored), valid)), f"Prepared: {width} × {height} pixels"),
            (still(picture(scaled, shown, mask)), f"At working size: {small.shape[1]} × {small.shape[0]} pixels"),
            (still(picture(zoomed, shown, its_mask)), f"Its middle, {zoomed.shape[1]} × {zoomed.shape[0]} pixels"),
        ],
        highest=320,
    )
    st.caption(
        f"The values of this frame go in as {value(shown.low)} (black) to {value(shown.high)} (white): the mean of the "
        "training frames is taken off and the rest divided by their spread, here measured on "
        f"{count(n_measured, 'frame')} of them."
    )


def _scaler(
    series: FrameSeries, recipe: Recipe, kept: list[int], preparation: Preparation, mask: np.ndarray[Any, Any] | None
) -> tuple[Scaler, int]:
    """The scaler of training, from a few frames of the part that is learned from, and how many that were."""
    learned = kept[: Split.of(len(kept)).test.start] if len(kept) >= 3 else kept
    chosen = [learned[place] for place in np.unique(np.linspace(0, len(learned) - 1, _MEASURED).astype(int))]
    frames = np.stack([_small(series, recipe, index, preparation) for index in chosen])
    return Scaler.fit(frames, mask), len(chosen)


def _small(series: FrameSeries, recipe: Recipe, index: int, preparation: Preparation) -> Frames:
    frame = prepared_frame(series, recipe, index)
    reduced: Frames = reduce_frames(frame[None], preparation.working_shape(*frame.shape[:2]))[0]
    return reduced


def _middle(frame: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    height, width = (min(_ZOOMED, side) for side in frame.shape[:2])
    top, left = (frame.shape[0] - height) // 2, (frame.shape[1] - width) // 2
    return frame[top : top + height, left : left + width]
