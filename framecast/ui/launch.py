"""The last look before training: weights, memory, what is refused and why, and the button that starts it."""

from collections.abc import Mapping

import streamlit as st

from framecast.errors import FrameCastError
from framecast.files import bytes_in_words
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.checks import configured
from framecast.runs.experiment import plan
from framecast.runs.jobs import JobManager
from framecast.runs.preflight import Preflight, preflight
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import StoredSeries
from framecast.settings import Value
from framecast.ui import page, state
from framecast.ui.size_choice import use_size, usual_size
from framecast.ui.text import count, escaped, thousands


def launch(
    stored: StoredSeries,
    series: FrameSeries,
    split: Split,
    preparation: Preparation,
    forecaster: tuple[str, ForecasterKind, str],
    changes: Mapping[str, Value],
    device: str,
    manager: JobManager,
) -> None:
    """Draw the summary of the run that these choices make. Train queues it and shows it."""
    name, kind, preset = forecaster
    st.subheader("Ready to train" if kind.family != "rule" else "Ready to run", anchor=False)
    usual = f"{kind.title} on {stored.name}"
    title = st.text_input("Name of the run", usual, max_chars=80, key=f"title:{name}:{stored.digest}")
    height, width = preparation.working_shape(stored.height, stored.width)
    st.markdown(
        f"Learns from frames 1 to {split.test.start} of **{escaped(stored.name)}** at {width} × {height} px, then forecasts "
        f"the {count(split.horizon, 'frame')} that follow, on the **{'GPU' if device.startswith('cuda') else 'CPU'}**."
    )
    try:
        found = _preflight(stored, series, split, preparation, kind, preset, changes, device)
        _facts(found, kind)
        if not found.fits:
            st.error(escaped(found.sentence))
            if found.largest_size:
                size = usual_size(found.largest_size)
                st.button(f"Use {size} px, which fits", key="use_size", on_click=use_size, args=(stored.digest, size))
            return
        record = plan(
            series,
            forecaster=name,
            preset=preset,
            changes=changes,
            split=split,
            preparation=preparation,
            device=device,
            title=title.strip() or None,
            digest=stored.digest,
        )
        label = "Train" if kind.family != "rule" else "Run"
        if st.button(label, type="primary", key="train", icon=":material/play_arrow:", width="stretch"):
            state.choose_run(manager.submit(record))
            st.session_state[state.SETUP] = False
            st.rerun()
    except FrameCastError as error:
        page.refuse(error)


def _preflight(
    stored: StoredSeries,
    series: FrameSeries,
    split: Split,
    preparation: Preparation,
    kind: ForecasterKind,
    preset: str,
    changes: Mapping[str, Value],
    device: str,
) -> Preflight:
    return preflight(
        kind,
        configured(kind, preset, changes, split),
        stored.height,
        stored.width,
        stored.n_channels,
        preparation,
        device,
        n_frames=split.test.start,
        bytes_per_value=1 if series.frames.dtype == "uint8" else 4,
    )


def _facts(found: Preflight, kind: ForecasterKind) -> None:
    if kind.n_weights is None:
        learned = "What is trained, and for how long, is found out on the way."
        st.caption("Nothing is trained: no weights, no memory to speak of." if kind.family == "rule" else learned)
        return
    left, right = st.columns(2)
    left.metric("Weights", thousands(found.n_weights), help="Numbers that training must find.")
    right.metric(
        "Memory, about",
        bytes_in_words(found.needed_bytes),
        help="In training each weight is held four times, the series once at working size, and the intermediate results of "
        "one training step.",
    )
    share = min(1.0, found.needed_bytes / max(1, found.available_bytes))
    st.progress(share, f"{bytes_in_words(found.needed_bytes)} needed, {bytes_in_words(found.available_bytes)} available")
