"""Which curves stand beside the run's own: rules scored on the same frames, and the ceiling of its working size."""

import streamlit as st

from framecast.evaluation.ceiling import NAMES, ceiling
from framecast.evaluation.scores import ScoreCurve
from framecast.evaluation.verdict import REFERENCE, best_rule
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.restoration import WAYS, possible_ways
from framecast.networks.contract import NETWORKS
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.resources import workspace


def rival_choice(run: Run, stored: StoredSeries | None, store: SeriesStore) -> tuple[list[ScoreCurve], dict[str, str]]:
    """Draw the choice. Returns the curves to plot, the run's own first, persistence and the best simple rule always among
    them, and the title of every name in them."""
    curves, own = run.scores(), run.record.forecaster
    titles = {curve.forecaster: curve.forecaster for curve in curves}
    titles.update((name, kind.title) for name, kind in FORECASTERS.items())
    best = best_rule(curves, own)
    always = [own, REFERENCE, *([best] if best else [])]
    others = [name for name in dict.fromkeys(curve.forecaster for curve in curves) if name not in always]
    size = _reduced_to(run, stored)
    ceilings = {NAMES[way]: way for way in _ways(own)} if size else {}
    titles.update((name, f"Ceiling of {size} px, {way}") for name, way in ceilings.items())
    optional = [*others, *ceilings]
    shown: list[str] = []
    if optional:
        beside = "persistence" if best is None else f"persistence and the best simple rule, {titles[best]}"
        shown = st.pills(
            f"Curves beside {beside}",
            optional,
            selection_mode="multi",
            default=[],
            format_func=lambda name: titles.get(name, name),
            key=f"rivals_{run.id}",
            help="A ceiling is the score that a perfect forecast at the working size would get at full size, by the way it "
            "comes back: " + "; ".join(f"{WAYS[way]} ({way})" for way in ceilings.values()) + "."
            if ceilings
            else None,
        )
    for name in shown:
        if name in ceilings:
            curves = [*curves, *_ceiling(str(workspace()), run.id, ceilings[name], run, store)]
    names = list(dict.fromkeys([*always, *shown]))
    return [curve for name in names for curve in curves if curve.forecaster == name], titles


def _reduced_to(run: Run, stored: StoredSeries | None) -> int | None:
    """The working size in pixels, where it is smaller than native and the frames to tell its ceiling are still stored."""
    size = run.record.preparation.size
    return size if stored and size and size < min(stored.height, stored.width) else None


def _ways(forecaster: str) -> tuple[str, ...]:
    """The ways back to native size that this forecaster chose from; auto may hold networks of either kind."""
    tells_motion = NETWORKS[forecaster].tells_motion if forecaster in NETWORKS else True
    return possible_ways(reduced=True, tells_motion=tells_motion)


@st.cache_resource(max_entries=16, show_spinner="Scoring a perfect forecast of this size ...")
def _ceiling(workspace: str, run_id: str, way: str, _run: Run, _store: SeriesStore) -> list[ScoreCurve]:
    record = _run.record
    return ceiling(_store.open(record.series), record.split, record.preparation, way=way)
