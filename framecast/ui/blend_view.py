"""What a blend is made of: what it found, the weight of each member lead by lead, and the way to each member's own run."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.blend_members import is_member_still
from framecast.runs.store import Run, RunStore
from framecast.ui import state
from framecast.ui.charts import CONFIG, weights_chart
from framecast.ui.text import escaped, short

SHOWN = 0.005
"""Mean weight from which a member has a layer of its own in the chart; thinner ones cannot be seen."""


def blend_view(run: Run, runs: RunStore) -> None:
    """Draw what a finished run blends; nothing for a run that blends nothing."""
    weights = run.weights()
    if not weights:
        return
    st.subheader("What it is made of", anchor=False)
    if finding := run.summary().get("finding"):
        st.markdown(escaped(str(finding)))
    titles = {name: FORECASTERS[name].title if name in FORECASTERS else name for name in weights}
    thick = {name: one.tolist() for name, one in weights.items() if one.mean() >= SHOWN or one.max() >= 2 * SHOWN}
    st.plotly_chart(weights_chart(thick, titles), key="weights", config=CONFIG)
    _members(run, {name: float(one.mean()) for name, one in weights.items()}, titles, runs)


def way_to_blend(run: Run, runs: RunStore) -> None:
    """Of a member, a button that shows the run whose blend it is in or was, while that is here."""
    if blend := _blend_of(run, runs):
        st.button(
            f"{'Member' if is_member_still(run, blend) else 'Former member'} of {escaped(short(blend.record.title))}",
            key="open_blend",
            icon=":material/arrow_upward:",
            on_click=state.choose_run,
            args=(blend.id,),
        )


def _members(run: Run, means: dict[str, float], titles: dict[str, str], runs: RunStore) -> None:
    """A button for each member that has a run of its own, the heaviest first."""
    found = {one.record.forecaster: one for one in runs.members_of(run) if one.state == "finished"}
    st.caption("Weights come from forecasts of earlier frames. Each member is a run like any other; open it to compare it.")
    with st.container(horizontal=True):
        for name, mean in means.items():
            if name in found:
                st.button(
                    f"{titles[name]} · {mean:.0%}",
                    key=f"open_member_{name}",
                    icon=":material/arrow_forward:",
                    on_click=state.choose_run,
                    args=(found[name].id,),
                    help=f"Show the run of {titles[name]} alone. It has {mean:.1%} of the weight, the mean over all leads.",
                )
    if missing := [titles[name] for name in means if name not in found]:
        st.caption(escaped(f"No run of {'its' if len(missing) == 1 else 'their'} own: {', '.join(missing)}."))


def _blend_of(run: Run, runs: RunStore) -> Run | None:
    """The finished run whose blend this run is a member of, while it is here."""
    if not run.record.member_of:
        return None
    try:
        blend = runs.open(run.record.member_of)
    except FrameCastError:
        return None
    return blend if blend.state == "finished" else None
