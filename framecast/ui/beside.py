"""What stands beside a run in the player: other finished runs on the same test frames, and simple rules.

A run keeps its forecast. A rule's is made when it is first asked for, with a word on the screen, and kept for its series and
split while the app runs.
"""

from dataclasses import dataclass

import streamlit as st

from framecast.drawing.colours import forecaster_colour
from framecast.drawing.film import Film
from framecast.errors import FrameCastError, InputError
from framecast.evaluation.verdict import REFERENCE
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.filming import dated_forecast
from framecast.runs.record import RunRecord
from framecast.runs.rule_forecasts import rule_forecast
from framecast.runs.store import Run
from framecast.series.frames import Frames, FrameSeries
from framecast.settings import Value
from framecast.training.pace import MOST_EPOCHS
from framecast.ui.resources import workspace
from framecast.ui.text import distinct, duration, escaped, moment, preset_title, short, value

MOST = 3
_RULE = "rule:"
_TOLD_SETTINGS = 3
"""So many settings that differ from the usual ones are named over a panel."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A forecast in the player. `name` tells it from all others: a run may go on and come to another forecast."""

    name: str
    title: str
    note: str
    colour: str
    forecast: Frames
    film: Film | None = None


def shown_run(run: Run) -> Shown:
    """A finished run, with its forecast as it is now."""
    forecast, version = dated_forecast(run)
    return shown_forecast(run, forecast, version)


def shown_forecast(run: Run, forecast: Frames, version: int, film: Film | None = None) -> Shown:
    """A finished run with this version of its forecast, and the film of it. In a process that has not forecast yet the film
    says what it is called; to ask takes seconds."""
    name, colour = f"{run.id}_{version:x}", forecaster_colour(run.record.forecaster)
    if film is not None and not FORECASTERS.ready:
        return Shown(name, film.title, moment(run.record.created), colour, forecast, film)
    return Shown(name, FORECASTERS[run.record.forecaster].title, key_settings(run.record), colour, forecast, film)


def beside(run: Run, series: FrameSeries) -> list[Shown]:
    """Draw the choice and return what was chosen, at most MOST, persistence first. What cannot be shown is said."""
    options = _options(run)
    persistence = run.record.forecaster != REFERENCE and st.toggle(
        "Persistence beside it",
        key=f"persistence_{run.id}",
        help="The last observed frame, repeated: the zero of skill.",
        persist_state="session",
    )
    key = f"beside_{run.id}"
    st.session_state[key] = [one for one in st.session_state.get(key, []) if one in options]
    chosen = st.multiselect(
        "Runs and rules beside it",
        list(options),
        format_func=options.__getitem__,
        max_selections=MOST,  # the same with persistence: with another number it is another box, and empty
        key=key,
        label_visibility="collapsed",
        persist_state="session",
        placeholder="Show up to three other runs or rules beside it",
        width=600,
    )
    names = [*([_RULE + REFERENCE] if persistence else []), *chosen][:MOST]
    if len(chosen) + bool(persistence) > MOST:
        last = escaped(options[chosen[-1]])
        st.caption(f"{MOST} fit beside it. Persistence is one of them, so {last} is not shown.")
    found = []
    for name in names:
        try:
            rule = name.startswith(_RULE)
            found.append(_rule(name.removeprefix(_RULE), run, series) if rule else shown_run(run.store.open(name)))
        except FrameCastError as error:
            st.warning(escaped(str(error)))
    return found


def key_settings(record: RunRecord) -> str:
    """What makes a run different from others of its kind, on one line: "recommended · 64 px · context 5 · 22 Nov, 07:31"."""
    kind = FORECASTERS[record.forecaster]
    words = []
    if kind.family != "rule":
        words.append(preset_title(record.preset))
        words.append(f"{record.preparation.size} px" if record.preparation.size else "native size")
    try:
        usual = kind.configure(record.preset, split=record.split).to_mapping()
    except InputError:  # a preset of an older FrameCast
        usual = {}
    labels = {field.name: field.label for field in kind.settings.fields()}
    changed = [name for name, setting in record.settings.items() if name in labels and usual.get(name, setting) != setting]
    if _another_budget_decides(record):
        changed = [name for name in changed if name != "epochs"]
    words += [f"{labels[name].lower()} {_in_words(name, record.settings[name])}" for name in changed[:_TOLD_SETTINGS]]
    return " · ".join([*words, moment(record.created)])


def _another_budget_decides(record: RunRecord) -> bool:
    """Whether a limit of time or of steps was asked for, and epochs set so high that they never end a run."""
    asked = record.settings
    return asked.get("epochs") == MOST_EPOCHS and bool(asked.get("minutes") or asked.get("steps"))


def _in_words(name: str, setting: Value) -> str:
    if isinstance(setting, str | bool):
        return str(setting)
    return duration(60 * setting) if name == "minutes" and setting else value(setting)


def _options(run: Run) -> dict[str, str]:
    """Name to label: runs, the newest first, then rules."""
    alike = [
        one
        for one in run.store.runs()
        if one.id != run.id
        and one.record.series == run.record.series
        and one.record.split.test == run.record.split.test
        and one.state == "finished"
        and one.record.forecaster in FORECASTERS
    ]
    runs = {one.id: f"{short(one.record.title, 60)} · {key_settings(one.record)}" for one in alike}
    rules = {
        _RULE + name: f"{kind.title} · simple rule"
        for name, kind in FORECASTERS.items()
        if kind.family == "rule" and name not in (REFERENCE, run.record.forecaster)
    }
    return distinct(runs | rules)


def _rule(name: str, run: Run, series: FrameSeries) -> Shown:
    record = run.record
    test = record.split.test
    with st.spinner(f"Forecasting with the rule {FORECASTERS[name].title} ..."):
        forecast = _forecast(str(workspace()), record.series, (test.start, test.stop), name, record.seed, run, series)
    return Shown(_RULE + name, FORECASTERS[name].title, "simple rule", forecaster_colour(name), forecast)


@st.cache_resource(max_entries=8, show_spinner=False)
def _forecast(
    workspace: str, digest: str, test: tuple[int, int], name: str, seed: int, _run: Run, _series: FrameSeries
) -> Frames:
    return rule_forecast(name, _series, _run.record.split, seed)
