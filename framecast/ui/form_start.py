"""Where the form on Train begins: with what a run asked, every choice of it, so that one can be changed and the rest stays."""

from collections.abc import Mapping

import streamlit as st

from framecast.errors import SettingError
from framecast.forecasters.catalog import FORECASTERS
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.beginning import inherited_settings
from framecast.runs.record import RunRecord
from framecast.series.frames import Split
from framecast.series.store import StoredSeries
from framecast.settings import Value
from framecast.ui import resources, state
from framecast.ui.forecaster_choice import FORECASTER, preset_key
from framecast.ui.launch import title_key
from framecast.ui.seed_choice import seed_key
from framecast.ui.settings_form import use_settings
from framecast.ui.size_choice import use_size
from framecast.ui.split_choice import use_split
from framecast.ui.start_choice import use_start


def begin_with(record: RunRecord, stored: list[StoredSeries], *, keep_series: bool) -> None:
    """In a session that has drawn no form yet, set it to what `record` asked. `keep_series` where the person chose one on the
    way here: then of a run on another series only forecaster and preset are taken."""
    if FORECASTER in st.session_state or record.forecaster not in FORECASTERS:
        return
    if keep_series and st.session_state.get(state.SERIES) != record.series:
        _use_forecaster(record)
    else:
        take_over(record, stored)


def take_over(record: RunRecord, stored: list[StoredSeries]) -> list[str]:
    """Set the form to all that `record` asked. Returns what cannot be taken over, one sentence each."""
    if record.forecaster not in FORECASTERS:
        return [f"Its forecaster, {record.forecaster}, is not there any more."]
    name, kind, preset = record.forecaster, FORECASTERS[record.forecaster], _use_forecaster(record)
    series = next((one for one in stored if one.digest == record.series), None)
    if series is None:
        return [f"Its series, {record.series_name}, was deleted: series, split and settings are to be chosen anew."]
    lost = [] if preset == record.preset else [f"Its preset, {record.preset}, is not there any more; its settings are."]
    state.choose_series(series.digest)
    use_split(series.digest, record.split)
    if record.split.n_frames < series.n_frames:
        lost.append(f"It used the first {record.split.n_frames} frames only; here the last frames of the series are the test.")
    if kind.family != "rule":
        use_size(series.digest, record.preparation.size or min(series.height, series.width))
        st.session_state[seed_key(name, series.digest)] = record.seed
    st.session_state[title_key(name, series.digest)] = record.title
    source = resources.known_run(record.start_from) if record.start_from else None
    here = [digest for digest in record.learned_from if any(one.digest == digest for one in stored)]
    use_start(name, series.digest, source, here)
    if record.start_from and source is None:
        lost.append("The run that it started from was deleted; this one starts afresh.")
    if len(here) < len(record.learned_from):
        lost.append("A series that it learned from first was deleted.")
    values, dropped = _known(kind, record)
    split = Split.of(series.n_frames, record.split.horizon, len(record.split.valid))
    use_settings(name, preset, kind, split, values, inherited_settings(kind, name, source), source.id if source else "")
    return lost + dropped


def _use_forecaster(record: RunRecord) -> str:
    """Choose its forecaster, and the preset it had or, where that is gone, the first; returns that."""
    presets = FORECASTERS[record.forecaster].presets
    preset = record.preset if record.preset in presets else next(iter(presets))
    st.session_state[FORECASTER] = record.forecaster
    if len(presets) > 1:
        st.session_state[preset_key(record.forecaster)] = preset
    return preset


def _known(kind: ForecasterKind, record: RunRecord) -> tuple[dict[str, Value], list[str]]:
    """The settings that this FrameCast has and whose values it takes, and a sentence on the others."""
    values = {name: value for name, value in kind.recorded(record.settings).items() if _fits(kind, {name: value})}
    if not _fits(kind, values):
        return {}, ["Its settings do not go together any more; they are to be chosen anew."]
    gone = [f"{name.replace('_', ' ')} of {value}" for name, value in record.settings.items() if name not in values]
    return values, [f"Not there any more: {', '.join(gone)}."] if gone else []


def _fits(kind: ForecasterKind, values: Mapping[str, Value]) -> bool:
    try:
        kind.settings.from_mapping(values)
    except SettingError:
        return False
    return True
