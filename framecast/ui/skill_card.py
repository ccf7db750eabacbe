"""The skill scorecard: every forecaster at every lead, coloured against persistence, as weather centres draw it."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from framecast.drawing.colours import CURSOR
from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.skill import skill, skill_horizon
from framecast.evaluation.verdict import REFERENCE
from framecast.metrics import METRICS
from framecast.metrics.contract import Array
from framecast.runs.store import Run
from framecast.ui.charts import MARGIN
from framecast.ui.clicked_chart import clicked_chart
from framecast.ui.figures import lead_axis, single_figure
from framecast.ui.metric_choice import ordered
from framecast.ui.score_charts import CLICKABLE, UNSEEN
from framecast.ui.text import escaped

_SCALE = [[0.0, "#b2182b"], [0.25, "#ef8a62"], [0.5, "#f2f2f2"], [0.75, "#67a9cf"], [1.0, "#2166ac"]]
"""ColorBrewer RdBu: red is worse than persistence, blue better; told apart by the colour-blind too."""
_ROW_PX = 30


def skill_card(run: Run, curves: Sequence[ScoreCurve], titles: Mapping[str, str], lead: int) -> None:
    """Draw the card of all forecasters that were scored with a run, and the choice of its metric."""
    metrics = [name for name in ordered({curve.metric for curve in curves}) if METRICS[name].has_skill]
    metric = st.selectbox(
        "Skill in", metrics, format_func=lambda name: METRICS[name].title, key=f"skill_in_{run.id}", width=260
    )
    skills = skills_of(curves, metric, run.record.forecaster)
    if not skills:
        st.caption("Nothing beside persistence was scored in this metric.")
        return
    named = {titles.get(name, name): one for name, one in skills.items()}
    clicked_chart(scorecard(named, lead), run.id, f"scorecard_{run.id}", alt=card_in_words(named, METRICS[metric].title))
    st.caption(
        escaped(
            f"Skill in {METRICS[metric].title}: 1 is perfect, 0 as good as persistence, below 0 worse. Blue is better than "
            "persistence, red worse; colours end at ±1. The number is under the pointer; a click shows that lead."
        )
    )


def skills_of(curves: Sequence[ScoreCurve], metric: str, first: str) -> dict[str, Array]:
    """Forecaster to its skill at each lead against persistence, `first` first, then the best mean score first."""
    scores = {curve.forecaster: curve.values for curve in curves if curve.metric == metric}
    reference = scores.pop(REFERENCE, None)
    if reference is None:
        return {}
    kind = METRICS[metric]
    names = sorted(scores, key=lambda name: (name != first, float(kind.badness(scores[name]).mean())))
    return {name: skill(scores[name], reference, perfect=kind.perfect) for name in names}


def scorecard(skills: Mapping[str, Array], lead: int) -> go.Figure:
    """The card as a figure: a row for each forecaster by its title, a column for each lead, a frame around `lead`."""
    titles = list(skills)
    table = np.stack([np.nan_to_num(one, neginf=-1e9) for one in skills.values()])
    n_leads = table.shape[1]
    leads = np.arange(1, n_leads + 1)
    figure = single_figure(
        go.Heatmap(
            z=np.clip(table, -1, 1), x=leads, y=titles, zmin=-1, zmax=1, colorscale=_SCALE, xgap=1, ygap=2, hoverinfo="skip",
            colorbar={"title": {"text": "skill"}, "tickvals": [-1, -0.5, 0, 0.5, 1], "thickness": 12, "outlinewidth": 0},
        )
    )  # fmt: skip
    points = [(x, y, row, column) for row, y in enumerate(titles) for column, x in enumerate(leads)]
    figure.add_scatter(  # a heatmap cannot be clicked: points that are not seen lie on it
        x=[int(x) for x, *_ in points],
        y=[y for _, y, *_ in points],
        mode="markers",
        marker={"size": 14, "symbol": "square", "color": CURSOR, **UNSEEN},
        customdata=[_number(float(skills[titles[row]][column])) for *_, row, column in points],
        hovertemplate="%{y}, lead %{x}: skill %{customdata}<extra></extra>",
        showlegend=False,
        **CLICKABLE,
    )
    figure.add_shape(
        type="rect", x0=lead - 0.5, x1=lead + 0.5, y0=-0.5, y1=len(titles) - 0.5, line={"color": CURSOR, "width": 2}
    )
    figure.update_xaxes(**lead_axis(n_leads), range=[0.5, n_leads + 0.5], showgrid=False, zeroline=False)
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)
    figure.update_layout(height=90 + _ROW_PX * len(titles), margin=MARGIN, hovermode="closest", uirevision="scorecard")
    return figure


def card_in_words(skills: Mapping[str, Array], metric: str) -> str:
    rows = (
        f"{title}: {_number(float(one[0]))} at lead 1, {_number(float(one[-1]))} at lead {len(one)}, above 0 without a break "
        f"up to lead {skill_horizon(one)}"
        for title, one in skills.items()
    )
    return f"Skill in {metric} against persistence. {'; '.join(rows)}."


def _number(value: float) -> str:
    if np.isnan(value):
        return "not a number"
    return "-∞" if np.isinf(value) else f"{value:+.3f}"
