"""The table of all that was scored on the same frames: this run, other runs, the rules."""

from dataclasses import replace

import streamlit as st

from framecast.evaluation.leaderboard import rows
from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.store import Run
from framecast.ui.text import moment


def same_frames(run: Run, runs: list[Run]) -> list[Run]:
    """The finished runs, this one among them, that were scored on the same test frames of the same series."""
    return [one for one in runs if one.record.series == run.record.series and one.record.split.test == run.record.split.test]


def run_table(run: Run, rivals: list[Run]) -> None:
    """Draw the table, best mean SSIM first. `rivals` come from `same_frames`, the run among them."""
    by_id = {one.id: one for one in rivals}
    board = rows(board_curves(rivals))
    metrics = list(board[0].means)
    table = []
    for row in board:
        record = by_id[row.forecaster].record if row.forecaster in by_id else None
        kind = FORECASTERS[record.forecaster if record else row.forecaster]
        table.append(
            {
                "Forecaster": kind.title + (" (shown above)" if row.forecaster == run.id else ""),
                "Preset": record.preset if record else "",
                "Working size": (f"{record.preparation.size} px" if record.preparation.size else "native") if record else "",
                **{metric.upper(): row.means[metric] for metric in metrics},
                "Skill": row.skill,
                "Skill horizon": row.skill_horizon,
                "Run": f"{record.title}, {moment(record.created)}" if record else "rule",
            }
        )
    config = {metric.upper(): st.column_config.NumberColumn(format="%.4g") for metric in metrics}
    config["Forecaster"] = st.column_config.TextColumn(width="medium")
    config["Skill"] = st.column_config.NumberColumn(
        format="%.3f", help="1 - MSE / MSE of persistence: 1 is perfect, 0 no better than persistence, below 0 worse."
    )
    config["Skill horizon"] = st.column_config.NumberColumn(help="Last lead before the skill falls to 0 for the first time.")
    st.dataframe(table, hide_index=True, column_config=config, width="stretch")


def board_curves(rivals: list[Run]) -> list[ScoreCurve]:
    """The curves of all rivals and of the rules they were scored beside, each under one name: a trained run under its id, a
    rule under its own. Only metrics that all of them have are kept."""
    found: dict[str, list[ScoreCurve]] = {}
    for run in rivals:
        own = run.record.forecaster
        learned = FORECASTERS[own].family != "rule"
        scores: dict[str, list[ScoreCurve]] = {}
        for curve in run.scores():
            name = run.id if learned and curve.forecaster == own else curve.forecaster
            scores.setdefault(name, []).append(replace(curve, forecaster=name))
        for name, curves in scores.items():
            found.setdefault(name, curves)
    shared = set.intersection(*({curve.metric for curve in curves} for curves in found.values()))
    return [curve for curves in found.values() for curve in curves if curve.metric in shared]
