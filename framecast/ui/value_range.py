"""The value range of a series that is not 8-bit: shown, and changed by a person who knows better than the data."""

import streamlit as st

from framecast.errors import FrameCastError
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import state
from framecast.ui.series_deletion import all_that_need
from framecast.ui.text import short, value


def value_range(stored: StoredSeries, store: SeriesStore) -> None:
    """Draw the choice, folded, where the type does not say the range."""
    if stored.dtype == "uint8":
        return
    low, high = stored.value_range
    with st.expander(f"Change the value range ({value(low)} to {value(high)})"):
        st.caption(
            "SSIM and PSNR measure an error against the width of this range. It was chosen from the data; where the "
            "instrument or the quantity has a range of its own, give that. A series with the new range is made; runs made "
            "before keep theirs."
        )
        with st.form(f"range_{stored.digest}", border=False):
            left, right = st.columns(2)
            left.number_input("Lowest", value=low, format="%.6g", key=f"range_low_{stored.digest}")
            right.number_input("Highest", value=high, format="%.6g", key=f"range_high_{stored.digest}")
            st.form_submit_button("Use this range", key="use_range", on_click=_declare, args=(stored, store))


def _declare(stored: StoredSeries, store: SeriesStore) -> None:
    low, high = (float(st.session_state[f"range_{end}_{stored.digest}"]) for end in ("low", "high"))
    used = bool(all_that_need(stored.digest))
    try:
        changed = store.declare_range(stored.digest, low, high, replace=not used)
    except FrameCastError as error:
        state.say("error", str(error))
    else:
        state.choose_series(changed.digest)
        state.say("success", f"{short(changed.name, 80)} has the value range {value(low)} to {value(high)}.")
