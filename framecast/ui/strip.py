"""A validation rollout as a strip: a few leads beside each other, the truth above the forecast.

It is encoded once for each validation and travels inside the page; a page that is drawn every second sends it again only when
it has changed.
"""

import base64
import html
from typing import Any

import numpy as np
import streamlit as st

from framecast.drawing.pictures import DisplayRange, display_range, encode, enlarged, picture
from framecast.series.store import StoredSeries
from framecast.training.progress import Preview
from framecast.ui.text import thousands

_SMALL_PX = 192
_CELL = "display:block;width:100%;max-height:150px;object-fit:contain;border-radius:3px"
_WORDS = "font-size:0.8rem;opacity:0.75;white-space:nowrap"


def strip(preview: Preview, stored: StoredSeries, *, run_id: str, moment: str) -> None:
    """Draw it. `moment` names the validation among those of the run: nothing is encoded twice."""
    st.html(_strip(run_id, moment, preview, display_range(stored)))


@st.cache_data(max_entries=64, show_spinner=False)
def _strip(run_id: str, moment: str, _preview: Preview, _shown: DisplayRange) -> str:
    heads = "".join(f'<div style="{_WORDS}" title="{_place(_preview, lead)}">+{lead}</div>' for lead in _preview.leads)
    rows = _row("Truth", _preview.truth, _preview, _shown) + _row("Forecast", _preview.forecast, _preview, _shown)
    columns = f"grid-template-columns:auto repeat({len(_preview.leads)},minmax(0,1fr))"
    return f'<div style="display:grid;gap:6px;align-items:center;{columns}"><div></div>{heads}{rows}</div>'


def _row(name: str, frames: np.ndarray[Any, Any], preview: Preview, shown: DisplayRange) -> str:
    cells = ""
    for lead, frame in zip(preview.leads, frames, strict=True):
        words = html.escape(f"{name}, {_place(preview, lead)}", quote=True)
        cells += f'<img alt="{words}" title="{words}" src="{_source(frame, shown)}" style="{_CELL}">'
    return f'<div style="{_WORDS}">{name}</div>{cells}'


def _place(preview: Preview, lead: int) -> str:
    return f"{lead} ahead: frame {thousands(preview.first_frame + lead)}"


def _source(frame: np.ndarray[Any, Any], shown: DisplayRange) -> str:
    content = encode(enlarged(picture(frame, shown), _SMALL_PX), lossless=False)
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
