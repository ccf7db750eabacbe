"""A finished run as files: each is made when its button is pressed, from the run and the series it was made on."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.export import KINDS, Asked, Evidence, ExportKind
from framecast.export.arrays import LARGEST_MAT_BYTES
from framecast.export.kinds import FASTEST, film_rate
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import page
from framecast.ui.text import count, escaped

ROWS = {
    "To read and to show": ("report", "figure", "figure_svg", "figure_pdf", "strip"),
    "To watch": ("film", "gif", "webp", "frames"),
    "To go on with": ("scores", "npz", "matlab"),
}
"""The kinds under the heading that says what they are for."""


@st.fragment
def taking_away(run: Run, stored: StoredSeries | None, store: SeriesStore) -> None:
    """Draw the buttons. `stored` is the run's series, None where it was deleted: there is then no truth to put into a file."""
    with st.expander("Take it away: report, figure, film, numbers"):
        if stored is None:
            st.caption("The series of this run was deleted; without the truth there is nothing to put beside the forecast.")
            return
        try:
            n_bytes = run.forecast().nbytes
        except FrameCastError as error:
            page.refuse(error)
            return
        leads = _leads(run)
        rate = st.number_input(
            "Frames per second of films",
            0.1, FASTEST, film_rate(stored.timestep), key=f"export_rate_{run.id}", width=220, format="%g",
        )  # fmt: skip
        for heading, names in ROWS.items():
            st.markdown(f"**{heading}**")
            with st.container(horizontal=True):
                for name in names:
                    too_large = name == "matlab" and n_bytes > LARGEST_MAT_BYTES
                    _button(name, KINDS[name], run, store, Asked(leads, float(rate)), too_large)


def _leads(run: Run) -> list[int] | None:
    """Those that a figure shows."""
    horizon = run.record.split.horizon
    chosen = st.multiselect(
        "Leads in figures and strips",
        list(range(1, horizon + 1)),
        key=f"export_leads_{run.id}",
        placeholder=f"Some of the {count(horizon, 'lead')}, denser at the start",
        max_selections=12,
    )
    return sorted(chosen) or None


def _button(name: str, kind: ExportKind, run: Run, store: SeriesStore, asked: Asked, too_large: bool) -> None:
    def make() -> bytes:
        return kind.make(Evidence.of(run, store), asked)

    st.download_button(
        f"{kind.title} ({kind.suffix})",
        make,
        f"{name}_{run.id}{kind.suffix}",
        kind.mime,
        key=f"take_{name}_{run.id}",
        on_click="ignore",
        disabled=too_large,
        help=escaped("A file of this kind cannot hold so much; take the .npz." if too_large else kind.words),
    )
