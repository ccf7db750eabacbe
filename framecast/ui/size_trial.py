"""Choose by a short trial: one click that times training steps at several sizes, sets size and feature maps, and says what it
measured.

The trial is of the server, the click of a session: only the form that it was clicked in is set. Fields that are drawn cannot
be set any more, so that is done where the next run of the page begins to draw the form.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from framecast.forecasters.contract import ForecasterKind
from framecast.runs.devices import n_threads_beside_server
from framecast.runs.sizing import WIDTHS, Sized, SizeQuestion
from framecast.series.frames import FrameSeries, Split
from framecast.series.store import StoredSeries
from framecast.settings import Value
from framecast.ui.desk import REFRESH_S, Desk, desk
from framecast.ui.settings_form import use_setting
from framecast.ui.size_choice import use_size
from framecast.ui.start_choice import Start
from framecast.ui.text import escaped

MODULE = "framecast.runs.sizing"
_WAITED_FOR, _SAID = "size_trial_waited_for", "size_trial_said"


@dataclass(frozen=True)
class _Form:
    """Where the click came from."""

    series: str
    forecaster: str
    preset: str
    run: str
    """That the form begins with; empty for none."""


def set_what_a_trial_found() -> None:
    """To be called before size and settings are drawn."""
    key, form = st.session_state.get(_WAITED_FOR, ("", None))
    if form is None or desk().works_on(key) and desk().answer(key) is None:
        return
    del st.session_state[_WAITED_FOR]
    answer = desk().answer(key)
    if answer is None:  # given up: somebody asked for another measurement
        return
    found = answer if isinstance(answer, str) else Sized(**answer)
    st.session_state[_SAID] = (form, found)
    if isinstance(found, Sized):
        use_size(form.series, found.size)
        for field, width in found.widths.items():
            use_setting(form.forecaster, form.preset, form.run, field, width)


def size_trial(
    stored: StoredSeries,
    series: FrameSeries,
    size: int | None,
    forecaster: tuple[str, ForecasterKind, str],
    start: Start,
    changes: Mapping[str, Value],
    split: Split,
    device: str,
) -> None:
    """Draw the button, or the trial at work; and what the last one said, as long as the form is as it left it. `size` is the
    working size that the form shows, None for native."""
    name, kind, preset = forecaster
    form = _Form(stored.digest, name, preset, start.run.id if start.run else "")
    said_of, found = st.session_state.get(_SAID, (None, ""))
    halved = found.widths if said_of == form and isinstance(found, Sized) else {}
    changes = {field: value for field, value in changes.items() if halved.get(field) != value}  # a trial's, nobody's choice
    settings = kind.configure(preset, changes, split)
    if kind.timed_by is None or kind.timed_by(settings) is None:
        return
    waited_for, _ = st.session_state.get(_WAITED_FOR, ("", None))
    if waited_for:
        st.fragment(_wait, run_every=REFRESH_S)(desk(), waited_for)
        return
    question = SizeQuestion(
        name,
        settings.to_mapping(),
        stored.height,
        stored.width,
        stored.n_channels,
        device,
        n_threads_beside_server(),
        split.to_mapping(),
        series.frames.dtype.itemsize,
        vary_width=start.run is None and not any(width in changes for width in WIDTHS),
    )
    st.button(
        "Choose by a short trial",
        key="size_trial",
        icon=":material/straighten:",
        on_click=_begin,
        args=(question, form),
        help="Times training steps on this machine at several sizes, some seconds in all, and sets the largest size for which "
        "the time limit, or five minutes where there is none, makes enough steps for a useful forecast.",
    )
    if said_of == form and isinstance(found, str):
        st.warning(escaped(found))
    elif said_of == form and found.size == (size or min(stored.height, stored.width)):
        st.caption(f"Measured: {escaped(found.sentence())}")


def _begin(question: SizeQuestion, form: _Form) -> None:
    key = question.key()
    desk().begin(MODULE, key, {**vars(question), "settings": dict(question.settings), "split": dict(question.split)})
    st.session_state[_WAITED_FOR] = (key, form)


def _wait(work: Desk, key: str) -> None:
    if work.answer(key) is not None or not work.works_on(key):
        st.rerun()
    st.caption(":material/timer: Timing training steps at several sizes ...")
