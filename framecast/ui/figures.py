"""How every chart begins.

Plotly asks of each value whether it is one of pandas, and looks for pandas among the modules that are loaded. Another session
may be importing it at that moment, and a half of pandas has no `Series` to ask for. So pandas is there before a chart begins.
"""

from typing import Any

import plotly.graph_objects as go
from plotly import subplots

_EACH = 10
"""So many leads have a tick each, also in a narrow column."""


def single_figure(*parts: Any) -> go.Figure:
    """A chart of `parts`, by which Plotly's own `Figure` is made."""
    _have_pandas()
    return go.Figure(*parts)


def subplot_figure(**layout: Any) -> go.Figure:
    """Several charts in one, by what Plotly's own `make_subplots` takes."""
    _have_pandas()
    return subplots.make_subplots(**layout)


def lead_axis(n_leads: int, title: str = "lead (frames ahead)") -> dict[str, Any]:
    """An axis over leads. Where they are few, Plotly would put ticks between them, at a lead of 1.5."""
    return {"title_text": title, **({"tick0": 0, "dtick": 1} if n_leads <= _EACH else {})}


def _have_pandas() -> None:
    """Waits where another thread imports it. Not at the top: the first page and the first frame of a player have no chart."""
    import pandas  # noqa: F401
