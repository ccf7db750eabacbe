"""Where the form on Train begins: with the run beside it, so that what is read on the right was asked on the left."""

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.record import RunRecord
from framecast.series.store import StoredSeries
from framecast.ui import state
from framecast.ui.forecaster_choice import FORECASTER, preset_key
from framecast.ui.size_choice import use_size
from framecast.ui.split_choice import use_split


def begin_with(record: RunRecord, stored: list[StoredSeries], *, keep_series: bool) -> None:
    """In a session that has drawn no form yet, set it to what `record` asked: forecaster, preset, series, split and size.
    `keep_series` where the person chose one on the way here. A series that was deleted leaves the form as it is."""
    if FORECASTER in st.session_state or record.forecaster not in FORECASTERS:
        return
    st.session_state[FORECASTER] = record.forecaster
    kind = FORECASTERS[record.forecaster]
    if record.preset in kind.presets:
        st.session_state[preset_key(record.forecaster)] = record.preset
    series = next((one for one in stored if one.digest == record.series), None)
    if series is None or (keep_series and st.session_state.get(state.SERIES) != series.digest):
        return
    state.choose_series(series.digest)
    use_split(series.digest, record.split)
    if kind.family != "rule":
        use_size(series.digest, record.preparation.size or min(series.height, series.width))
