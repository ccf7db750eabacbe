"""The table of all that was scored on the same frames: this run, other runs, the rules."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import streamlit as st

from framecast.drawing.colours import forecaster_colour
from framecast.evaluation.leaderboard import Row, rows
from framecast.evaluation.scores import ScoreCurve
from framecast.forecasters.catalog import FORECASTERS
from framecast.metrics import METRICS
from framecast.runs.store import Run
from framecast.ui.metric_choice import PLOTTED
from framecast.ui.outcome import ending
from framecast.ui.run_filter import forecaster_title
from framecast.ui.text import count, decimals, duration, escaped, fixed, moment, preset_title, short, thousands

_SKILL = "Skill: 1 − MSE / MSE of persistence; 1 is perfect, 0 no better than persistence, below 0 worse."
_HORIZON = "Skill horizon: the last lead before the skill falls to 0 for the first time."
_CELL = "padding:6px 8px;border-bottom:1px solid light-dark(#d5dde3,#33414b);vertical-align:top"


def same_frames(run: Run, runs: list[Run]) -> list[Run]:
    """The finished runs, this one among them, that were scored on the same test frames of the same series."""
    return [one for one in runs if one.record.series == run.record.series and one.record.split.test == run.record.split.test]


def run_table(run: Run, rivals: list[Run]) -> None:
    """Draw the table, best mean SSIM first. `rivals` come from `same_frames`, the run among them."""
    by_id = {one.id: one for one in rivals}
    board = rows(board_curves(rivals))
    numbers = number_columns(board) | cost_columns(board, by_id, run)
    head = [_cell("Forecaster", "th", "left")] + [_cell(name, "th", "right") for name in numbers]
    body = []
    for index, row in enumerate(board):
        cells = [_who(row, by_id, run)] + [_cell(column[index], "td", "right") for column in numbers.values()]
        body.append(f'<tr style="font-weight:{650 if is_shown(row, run) else 400}">{"".join(cells)}</tr>')
    st.html(
        '<div style="overflow-x:auto"><table style="width:100%;border-collapse:collapse;font-size:0.875rem;'
        f'font-variant-numeric:tabular-nums"><thead><tr>{"".join(head)}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )
    exact = " ∞: a frame was forecast exactly." if any(math.isinf(row.means.get("psnr", 0.0)) for row in board) else ""
    st.caption(escaped(f"Means over all leads ({count(run.record.split.horizon, 'frame')}). {_SKILL} {_HORIZON}{exact}"))


def number_columns(board: Sequence[Row]) -> dict[str, list[str]]:
    """The numbers of the table as text, column by column in the order of the cards, each with as many decimals throughout."""
    columns = {}
    for metric in (*PLOTTED, "moving_rmse"):
        means = [row.means.get(metric, math.nan) for row in board]
        if not all(map(math.isnan, means)):
            columns[METRICS[metric].title] = [fixed(mean, decimals(means)) for mean in means]
    finals = [row.finals.get("ssim", math.nan) for row in board]
    if not all(map(math.isnan, finals)):
        columns["SSIM, last lead"] = [fixed(final, decimals(finals)) for final in finals]
    columns["Skill"] = [fixed(row.skill, 3) for row in board]
    columns["Skill horizon"] = [str(row.skill_horizon) for row in board]
    return columns


def cost_columns(board: Sequence[Row], by_id: Mapping[str, Run], shown: Run) -> dict[str, list[str]]:
    """How long each took to fit and how many weights it has, as far as a run tells."""
    beside = shown.summary_if_whole().get("fit_seconds", {})
    times, weights = [], []
    for row in board:
        run = by_id.get(row.forecaster)
        name = run.record.forecaster if run else row.forecaster
        seconds = (run.summary_if_whole().get("fit_seconds", {}) if run else beside).get(name)
        times.append("–" if seconds is None else duration(seconds))
        n_weights = _n_weights(run) if run else None
        weights.append("–" if n_weights is None else thousands(n_weights))
    return {"Fit": times, "Weights": weights}


def _n_weights(run: Run) -> int | None:
    """None for a forecaster that has none of its own: rules, and blends, whose networks are rows for themselves if they have
    any."""
    record = run.record
    kind = FORECASTERS[record.forecaster]
    if kind.n_weights is None or run.weights():
        return None
    _, height, width, n_channels = run.forecast().shape
    shape = record.preparation.working_shape(height, width)
    return kind.n_weights(kind.settings.from_mapping(record.settings), *shape, n_channels)


def is_shown(row: Row, run: Run) -> bool:
    """Whether a row is the run that the page shows."""
    return row.forecaster == row_name(run)


def row_name(run: Run) -> str:
    """What a run goes by in the table: its id. A rule at its usual settings is one row for all runs and goes by its name."""
    record = run.record
    kind = FORECASTERS[record.forecaster]
    usual = kind.family == "rule" and dict(record.settings) == kind.configure(split=record.split).to_mapping()
    return record.forecaster if usual else run.id


def _who(row: Row, by_id: Mapping[str, Run], shown: Run) -> str:
    """The forecaster and below it, smaller, which run of it that is."""
    run = by_id.get(row.forecaster)
    name = run.record.forecaster if run else row.forecaster
    marks = ["shown above"] if is_shown(row, shown) else []
    marks += [ended] if run and (ended := ending(run.summary_if_whole())) else []
    title = forecaster_title(name) + (f" ({', '.join(marks)})" if marks else "")
    tag, place = ("div", "") if run else ("span", "margin-left:8px;")
    said = f'<{tag} style="{place}font-weight:400;font-size:0.8125rem;opacity:0.75">{html.escape(which_run(run))}</{tag}>'
    return (
        f'<td style="text-align:left;{_CELL}"><div style="display:flex;gap:8px"><span style="flex:none;width:10px;height:10px;'
        f'margin-top:5px;border-radius:50%;background:{forecaster_colour(name)}"></span><div>{html.escape(title)}{said}</div></div></td>'
    )


def which_run(run: Run | None) -> str:
    """What tells a run from others of its forecaster; "rule" of a rule that has none of its own."""
    if run is None:
        return "rule"
    record, words = run.record, []
    if FORECASTERS[record.forecaster].family != "rule":
        words = [preset_title(record.preset), f"{record.preparation.size} px" if record.preparation.size else "native"]
    return " · ".join([*words, short(record.title), moment(record.created)])


def _cell(text: str, tag: str, align: str) -> str:
    weight = ";font-weight:600" if tag == "th" else ";white-space:nowrap"
    return f'<{tag} style="text-align:{align};{_CELL}{weight}">{html.escape(text)}</{tag}>'


def board_curves(rivals: list[Run]) -> list[ScoreCurve]:
    """The curves of all rivals and of the rules they were scored beside, each under one name, that of
    `row_name`. Of a rule that several scored, the one in most metrics counts: old runs have fewer."""
    found: dict[str, list[ScoreCurve]] = {}
    for run in rivals:
        own = run.record.forecaster
        scores: dict[str, list[ScoreCurve]] = {}
        for curve in run.scores():
            name = row_name(run) if curve.forecaster == own else curve.forecaster
            scores.setdefault(name, []).append(replace(curve, forecaster=name))
        for name, curves in scores.items():
            if len(curves) > len(found.get(name, ())):
                found[name] = curves
    return [curve for curves in found.values() for curve in curves]
