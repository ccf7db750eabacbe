"""Where a network begins: by chance, with the weights of a finished run, or with other series to learn from first."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from framecast.errors import FrameCastError
from framecast.forecasters.contract import ForecasterKind
from framecast.runs.beginning import check_start, inherited_settings
from framecast.runs.store import Run, RunStore
from framecast.series.frames import FrameSeries, Preparation, Split
from framecast.series.store import SeriesStore, StoredSeries
from framecast.settings import Value
from framecast.ui import page
from framecast.ui.text import distinct, escaped, moment, short

_AFRESH = ""
_MOST_RUNS = 30
_FINE_TUNING = "Frames that resemble what it has learned then need less time."


@dataclass(frozen=True)
class Start:
    """What was chosen. The default is a beginning by chance."""

    run: Run | None = None
    inherited: Mapping[str, Value] = field(default_factory=dict)
    """Settings that come from `run`."""
    others: Mapping[str, FrameSeries] = field(default_factory=dict)
    """Digest to series."""
    sentence: str = ""
    """What will be done, for the last look before training; markdown."""


def start_choice(
    name: str,
    kind: ForecasterKind,
    preset: str,
    stored: StoredSeries,
    split: Split,
    preparation: Preparation,
    store: SeriesStore,
    runs: RunStore,
) -> Start:
    """Draw the choice, folded, where there is anything to choose. Only runs that this one can start from are offered."""
    if kind.starting is None:
        return Start()
    series = store.open(stored.digest)
    fitting = _fitting(name, kind, preset, stored, series, split, preparation, runs)
    others = {one.digest: one for one in store.list() if one.digest != stored.digest}
    names = distinct({digest: short(other.name, 80) for digest, other in others.items()})
    if not fitting and not others:
        return Start()
    with st.expander("Begin with what was learned before"):
        left, right = st.columns(2)
        with left:
            run = _run(_start_key(name, stored.digest), fitting)
        with right:
            chosen = st.multiselect(
                "Also learn from",
                list(others),
                format_func=names.__getitem__,
                key=_also_key(name, stored.digest),
                placeholder="No other series",
                disabled=not others,
                help="The network learns from these series first, for half of its time, and from this one after that. Each is "
                "seen at the same shorter side and brought to the same mean and spread. The frames that each would hold back "
                "as its own test are left out.",
                persist_state="session",
            )
    sentences = []
    if run:
        title = escaped(short(run.record.title, 80))
        sentences.append(f"Begins with the weights of **{title}**. {escaped(fitting[run.id][1])}")
    opened = {}
    for digest in chosen:
        with page.refusing():
            opened[digest] = store.open(digest)
    if opened:
        sentences.append(f"Learns from {', '.join(f'**{escaped(short(others[one].name))}**' for one in opened)} first.")
    return Start(run, inherited_settings(kind, name, run), opened, " ".join(sentences))


def use_start(name: str, digest: str, run: Run | None, others: Sequence[str]) -> None:
    """Let the choice for this forecaster on this series begin with `run` and the series of these digests."""
    st.session_state[_start_key(name, digest)] = run.id if run else _AFRESH
    st.session_state[_also_key(name, digest)] = list(others)


def _start_key(name: str, digest: str) -> str:
    return f"start:{name}:{digest}"


def _also_key(name: str, digest: str) -> str:
    return f"also:{name}:{digest}"


def _run(key: str, fitting: dict[str, tuple[Run, str]]) -> Run | None:
    options = [_AFRESH, *fitting]
    if st.session_state.get(key, _AFRESH) not in options:
        st.session_state[key] = _AFRESH  # the run was deleted, or does not fit what is chosen now
    labels = distinct({run_id: _label(run) for run_id, (run, _) in fitting.items()}) | {_AFRESH: "Nothing: start afresh"}
    run_id = st.selectbox(
        "Start from",
        options,
        format_func=labels.__getitem__,
        key=key,
        disabled=not fitting,
        help=f"The weights of a finished run of the same forecaster. {_FINE_TUNING} Only runs whose weights fit, and which "
        "have not seen the frames that are to be forecast, are offered.",
        persist_state="session",
    )
    return fitting[run_id][0] if run_id else None


def _label(run: Run) -> str:
    return f"{short(run.record.title, 60)} · {moment(run.record.created)}"


def _fitting(
    name: str,
    kind: ForecasterKind,
    preset: str,
    stored: StoredSeries,
    series: FrameSeries,
    split: Split,
    preparation: Preparation,
    runs: RunStore,
) -> dict[str, tuple[Run, str]]:
    """Run id to the run and the sentence on what it gives, newest first."""
    alike = [run for run in runs.runs() if run.record.forecaster == name and run.state == "finished"]
    chosen = st.session_state.get(_start_key(name, stored.digest))
    alike = [run for index, run in enumerate(alike) if index < _MOST_RUNS or run.id == chosen]
    given = json.dumps([preset, split.to_mapping(), preparation.size, str(runs.folder)])
    found = {}
    for run in alike:
        sentence = _fits(run.id, name, stored.digest, given, kind, preset, run, series, split, preparation)
        if sentence is not None:
            found[run.id] = (run, sentence)
    return found


@st.cache_data(max_entries=1000, show_spinner=False)
def _fits(
    run_id: str,
    name: str,
    digest: str,
    given: str,
    _kind: ForecasterKind,
    _preset: str,
    _run: Run,
    _series: FrameSeries,
    _split: Split,
    _preparation: Preparation,
) -> str | None:
    """What the run gives; None where it cannot be started from. Remembered: the weights of a finished run do not change."""
    try:
        settings = _kind.configure(_preset, inherited_settings(_kind, name, _run), _split)
        return check_start(_kind, name, settings, _run, _series, digest, _preparation, _split)
    except (FrameCastError, OSError, ValueError, KeyError):  # damaged files of another run are no reason to fail here
        return None
