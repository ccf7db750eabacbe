"""A forecast as files: exact numbers for programs, pictures and a film for people. Each is made when it is asked for."""

from collections.abc import Callable

import numpy as np
import streamlit as st

from framecast.drawing.pictures import display_range, picture
from framecast.export import array_bytes, mp4, png_zip, tiff
from framecast.export.kinds import film_rate, rate_is_own
from framecast.runs.store import Run
from framecast.series.frames import Frames
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.text import count, escaped, value, with_units


def downloads(
    run: Run, frames: Frames, stored: StoredSeries, store: SeriesStore, spread: Frames | None = None
) -> None:
    """Draw the buttons. `frames` are (lead, height, width, channel), those after the last frame of the series; `spread` is how
    far off they may be, where that is known."""
    valid = store.open(stored.digest).valid
    shown = display_range(stored)
    first = stored.n_frames + 1
    names = [f"frame_{first + index:05d}" for index in range(len(frames))]
    rate = film_rate(stored.timestep)
    masked = _masked(stored)
    exact = f"The exact values, {stored.dtype}."
    lead, height, width, channel = frames.shape
    drawn = {2: "channel 1, ", 4: "channels 1 to 3, "}.get(channel, "")
    black_white = f"{drawn}black is {value(shown.low)}, white is {with_units(shown.high, stored.units)}"
    page = "one page per lead" if channel == 1 or (channel, stored.dtype) == (3, "uint8") else "one page per lead and channel"

    files: list[tuple[str, str, str, Callable[[], bytes], str]] = [
        ("NumPy (.npy)", "npy", "application/octet-stream", lambda: array_bytes(frames, ".npy", valid),
         f"{exact} Axes (lead, height, width, channel) = ({lead}, {height}, {width}, {channel}).{masked}"),
        ("TIFF stack (.tif)", "tif", "image/tiff", lambda: tiff(frames, valid, stored.timestep),
         f"{exact} {page.capitalize()}, opens as a stack in ImageJ and Fiji.{masked}"),
        ("MATLAB (.mat)", "mat", "application/octet-stream", lambda: array_bytes(frames, ".mat", valid),
         f"{exact} Variable frames, height x width x channel x lead = {height} x {width} x {channel} x {lead}.{masked}"),
        ("Pictures (.zip of PNG)", "zip", "application/zip",
         lambda: png_zip((picture(frame, shown, valid) for frame in frames), names),
         f"{count(lead, 'picture')} of 8 bits per channel, as shown: {black_white}."),
        ("Film (.mp4)", "mp4", "video/mp4",
         lambda: mp4((picture(frame, shown, valid) for frame in frames), rate),
         f"H.264, {value(rate)} frames per second, slightly lossy; small frames are enlarged."),
    ]  # fmt: skip
    if spread is not None:
        deviation = spread.astype(np.float32, copy=False)
        files.append(
            ("Spread (.npy)", "spread.npy", "application/octet-stream", lambda: array_bytes(deviation, ".npy", valid),
             "How far off each value may be, as a standard deviation in the units of the series, float32; axes as in .npy.")
        )  # fmt: skip

    st.subheader("Download", anchor=False)
    with st.container(horizontal=True):
        for label, suffix, mime, make, words in files:
            name = f"forecast_{run.id}.{suffix}"
            st.download_button(label, make, name, mime, key=f"save_{suffix}", on_click="ignore", help=escaped(words))
    own = ", the speed of the series" if rate_is_own(stored.timestep) else ""
    st.caption(
        escaped(
            f".npy: lead × height × width × channel. .tif: {page}. .mat: height × width × channel × lead. "
            f"They hold the exact values.{masked} PNG and film are pictures of 8 bits: {black_white}. The film runs at "
            f"{value(rate)} frames per second{own}."
        )
    )


def _masked(stored: StoredSeries) -> str:
    if not stored.has_mask:
        return ""
    if stored.dtype == "float32":
        return " Pixels without data are NaN."
    return " Pixels without data hold a filling, for integers have no NaN; .mat says by valid which they are."
