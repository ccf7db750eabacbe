"""How sure a forecast was, where its run has members: a sentence, numbers at the lead shown, and bands over the curves."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from framecast.evaluation.ensemble import ENSEMBLE, HONEST, Sureness
from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.calibration import INTERVAL
from framecast.ui.text import count, decimals, escaped, fixed, value

Band = tuple[Sequence[float], Sequence[float]]
"""The lowest and the highest score of a member at each lead."""


def how_sure(members: list[ScoreCurve], units: str, lead: int) -> None:
    """Draw the sentence and the numbers at `lead`; nothing without members."""
    found = Sureness.of(members)
    if found is None:
        return
    st.subheader("How sure", anchor=False)
    honest = abs(found.coverage - INTERVAL) <= HONEST
    (st.info if honest else st.warning)(escaped(found.sentence()))
    at = {curve.metric: float(curve.values[lead - 1]) for curve in members if curve.forecaster == ENSEMBLE}
    unit = "" if units in ("", "1") else f" ({escaped(units)})"
    n_decimals = decimals([at["crps"], at["spread"], at["error"]])
    tiles = (
        (
            f"CRPS{unit} at lead {lead}",
            fixed(at["crps"], n_decimals),
            f"{value(found.crps)} over all leads",
            "Continuous ranked probability score of the members, in its fair form: like a mean absolute error, but of all "
            "members together. It rewards members near the truth that are as far apart as they are wrong; lower is better.",
        ),
        (
            f"Spread{unit} at lead {lead}",
            fixed(at["spread"], n_decimals),
            f"{fixed(at['error'], n_decimals)} was the error",
            "How far off the forecast was expected to be: root mean square of the standard deviation, corrected by what was "
            "learned on the validation frames. It should equal the root mean squared error.",
        ),
        (
            f"Spread / error at lead {lead}",
            _ratio(at["spread"], at["error"]),
            f"{found.spread_skill:.2f} over all leads",
            "Spread divided by root mean squared error (spread/skill): 1 is right, below 1 too sure, above 1 too cautious.",
        ),
        (
            f"Held by the {INTERVAL:.0%} interval at lead {lead}",
            f"{at['coverage']:.0%}",
            f"{found.coverage:.0%} over all leads",
            f"Share of pixels whose true value lay in the interval that was to hold {INTERVAL:.0%} of them.",
        ),
    )
    for column, (label, number, below, explained) in zip(st.columns(len(tiles)), tiles, strict=True):
        column.metric(
            label, number, below, delta_color="off", delta_arrow="off", border=True, height="stretch", help=explained
        )


def band(members: list[ScoreCurve], metric: str) -> Band | None:
    """What the single members scored in `metric`, from worst to best; None where they were not scored in it."""
    found = [curve.values for curve in members if curve.forecaster != ENSEMBLE and curve.metric == metric]
    if len(found) < 2:
        return None
    values = np.stack(found)
    return values.min(axis=0).tolist(), values.max(axis=0).tolist()


def band_note(members: list[ScoreCurve]) -> str:
    """What the band in the charts is; empty where there is none."""
    found = Sureness.of(members)
    if found is None or found.n_members < 2:
        return ""
    return (
        f"The band spans what the {count(found.n_members, 'member')} scored one by one. The line is their mean, which may lie "
        "outside: averaging makes errors smaller and the picture smoother."
    )


def _ratio(spread: float, error: float) -> str:
    return f"{spread / error:.2f}" if error > 0 else "–"
