"""Which scores are shown: four at first, any by choice."""

from collections.abc import Collection

import streamlit as st

from framecast.metrics import METRICS

PLOTTED = ("ssim", "psnr", "mse", "mae")
"""What every run was ever scored in; the numbers at one lead and the table show these."""
FIRST = ("ssim", "mse", "moving_rmse", "sharpness")
"""Shown at first: likeness, error, error where it moves, and blur; where a run has no such scores, what it has."""
ORDER = ("ssim", "psnr", "mse", "rmse", "mae", "moving_rmse", "correlation", "sharpness", "spectrum", "change")
N_FIRST = 4


def metric_choice(available: Collection[str], key: str) -> list[str]:
    """Draw the choice among `available` metrics and return what is chosen, at least one, in a fixed order."""
    options = ordered(available)
    chosen = st.pills(
        "Scores",
        options,
        selection_mode="multi",
        default=first_shown(options),
        format_func=lambda name: METRICS[name].title,
        key=key,
        help="  \n".join(f"{METRICS[name].title}: {METRICS[name].explanation}" for name in options),
    )
    return [name for name in options if name in chosen] or options[:1]


def ordered(available: Collection[str]) -> list[str]:
    """Metrics in the order in which they are read; one that is new to this list comes last."""
    known = [name for name in ORDER if name in available]
    return known + sorted(name for name in available if name not in ORDER and name in METRICS)


def first_shown(options: list[str]) -> list[str]:
    """The first choice, filled up from what is there."""
    wanted = [name for name in (*FIRST, *options) if name in options]
    return list(dict.fromkeys(wanted))[:N_FIRST]
