"""A chart over leads in which a click moves the player, and that says in words what it shows."""

import plotly.graph_objects as go
import streamlit as st

from framecast.ui import state
from framecast.ui.charts import CONFIG


def clicked_chart(figure: go.Figure, run_id: str, key: str, *, alt: str) -> None:
    """Draw a chart whose x axis is the lead. A click on one of its points shows that lead in the player of the run."""

    def clicked() -> None:
        points = st.session_state[key]["selection"]["points"]
        leads = [point["x"] for point in points if isinstance(point.get("x"), int | float)]
        if leads:
            state.show_lead(run_id, max(1, round(leads[0])))

    st.plotly_chart(figure, key=key, config=CONFIG, on_select=clicked, selection_mode="points", alt=alt)
