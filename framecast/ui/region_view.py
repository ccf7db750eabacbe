"""The rectangle that was drawn in the player: what every forecast scores inside it."""

import html

import numpy as np
import streamlit as st

from framecast.errors import InputError
from framecast.evaluation.scores import ScoreCurve, score
from framecast.metrics import METRICS
from framecast.metrics.blur import cropped
from framecast.ui.beside import Shown
from framecast.ui.frame_parts import Comparison
from framecast.ui.player_view import PlayerView, Rectangle
from framecast.ui.text import decimals, escaped, fixed

SCORED = ("ssim", "psnr", "mse", "mae")
_CELL = "padding:4px 10px;border-bottom:1px solid light-dark(#d5dde3,#33414b)"


def region_view(what: Comparison, shown: list[Shown], view: PlayerView, lead: int) -> None:
    """Draw the scores inside the rectangle, at the lead and in the mean over leads; nothing where no rectangle is drawn."""
    if view.rect is None:
        return
    x, y, width, height = view.rect
    place = f"x {x} to {x + width - 1}, y {y} to {y + height - 1} ({width} × {height} px)"
    try:
        with st.spinner("Scoring the rectangle ..."):
            curves = {one.name: _scores(*what.key, one.name, view.rect, what, one) for one in shown}
    except InputError:
        st.caption(f"Inside the rectangle {escaped(place)} no pixel carries data, so there is nothing to score.")
        return
    st.caption(f"Inside the rectangle {escaped(place)}: at lead {lead}, and in brackets the mean over leads.")
    st.html(_table(shown, curves, lead))


def region_scores(what: Comparison, shown: Shown, rect: Rectangle) -> list[ScoreCurve]:
    """The curves of one forecast over the part of every frame in the rectangle, which is scored as if it were the whole frame.
    Raises InputError where no pixel of it carries data."""
    x, y, width, height = rect
    inside = (slice(None), slice(y, y + height), slice(x, x + width))
    valid = None if what.series.valid is None else what.series.valid[inside[1:]]
    origin, unseen = what.split.origin, valid is not None and valid.any() and not valid[cropped(height), cropped(width)].any()
    scored = score(
        shown.name, np.ascontiguousarray(shown.forecast[inside]), np.ascontiguousarray(what.truth[inside]),
        origin=origin, data_range=what.series.data_range, valid=valid, metrics=SCORED[1:] if unseen else SCORED,
    )  # fmt: skip
    none = ScoreCurve(shown.name, SCORED[0], origin, np.full(what.split.horizon, np.nan))  # all lies too near to the border
    return [none, *scored] if unseen else scored


@st.cache_resource(max_entries=64, show_spinner=False)
def _scores(
    workspace: str, digest: str, start: int, stop: int, name: str, rect: Rectangle, _what: Comparison, _shown: Shown
) -> list[ScoreCurve]:
    return region_scores(_what, _shown, rect)


def _table(shown: list[Shown], curves: dict[str, list[ScoreCurve]], lead: int) -> str:
    columns = []
    for index in range(len(SCORED)):
        found = [curves[one.name][index].values for one in shown]
        numbers = [float(values[lead - 1]) for values in found], [float(values.mean()) for values in found]
        n_decimals = decimals([*numbers[0], *numbers[1]])
        columns.append([f"{fixed(at, n_decimals)} ({fixed(mean, n_decimals)})" for at, mean in zip(*numbers, strict=True)])
    head = "".join(f'<th style="text-align:right;{_CELL}">{METRICS[metric].title}</th>' for metric in SCORED)
    rows = []
    for index, one in enumerate(shown):
        cells = "".join(f'<td style="text-align:right;{_CELL}">{column[index]}</td>' for column in columns)
        name = f"{html.escape(one.title)} <span style='opacity:0.75'>{html.escape(one.note)}</span>"
        rows.append(f'<tr><th scope="row" style="text-align:left;font-weight:400;{_CELL}">{name}</th>{cells}</tr>')
    return (
        '<table style="border-collapse:collapse;font-size:0.875rem;font-variant-numeric:tabular-nums">'
        f'<thead><tr><th style="text-align:left;{_CELL}">Inside the rectangle</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
