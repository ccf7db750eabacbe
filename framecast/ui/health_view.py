"""The health report on the Series page: one sentence and one plot, then what was found, then details."""

import time
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from framecast.evaluation.health import HealthReport, health_report, kept_report
from framecast.series.health.finding import Finding
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui.charts import CONFIG
from framecast.ui.health_charts import in_words, over_time_chart, over_time_in_words, predictability_chart
from framecast.ui.prepare_state import begin_preparing, in_ranges
from framecast.ui.resources import workspace
from framecast.ui.series_clip import thumbnail
from framecast.ui.stills import stills
from framecast.ui.text import count, escaped, short, thousands

_BADGES = {
    "problem": ":red-badge[:material/error: Problem]",
    "look": ":orange-badge[:material/visibility: Look]",
    "fine": ":green-badge[:material/check: Fine]",
}
_SHOWN_FRAMES = 6
_HELP = "Opens Prepare with these frames filled in. The series stays as it is; a new one is made of it."
_TOLD_EVERY_S = 0.2
_MOST_REPORTS = 8
"""Kept in memory, of those that the disk may not have taken."""


def report_with_progress(store: SeriesStore, stored: StoredSeries, slot: DeltaGenerator) -> HealthReport:
    """The report on a series; while it is made, `slot` shows how far that is."""
    kept = kept_report(store, stored.digest)
    if kept is not None:
        return kept
    of, made = (str(workspace()), stored.digest, stored.created, stored.value_range), _made_here()
    report = made.get(of)
    if report is None:
        for oldest in list(made)[: max(0, len(made) - _MOST_REPORTS + 1)]:
            made.pop(oldest, None)  # another session may have been quicker
        report = made[of] = health_report(store, stored.digest, told_in(slot, "Looking through the frames"))
    return report


@st.cache_resource(show_spinner=False)
def _made_here() -> dict[object, HealthReport]:
    """Reports that the disk may not have taken, in a workspace that is only read or full: they are made once, not at every
    redraw."""
    return {}


def told_in(slot: DeltaGenerator, words: str) -> Callable[[float, str], None]:
    """Draw a bar in `slot` and return who moves it, not more often than a person can see."""
    bar = slot.progress(0.0, words)
    last = time.monotonic()

    def told(share: float, words: str) -> None:
        nonlocal last
        if time.monotonic() - last > _TOLD_EVERY_S:
            last = time.monotonic()
            bar.progress(min(1.0, share), words)

    return told


def how_predictable(report: HealthReport, slot: DeltaGenerator) -> None:
    """The sentence and the plot."""
    found = report.predictability
    with slot.container():
        st.subheader(escaped(found.sentence()), anchor=False)
        with st.container(key="predictability"):
            st.plotly_chart(predictability_chart(found), key="predictability_chart", config=CONFIG)
        st.caption(f"{in_words(found)} Mean over {count(found.n_origins, 'origin')}.")


def findings(report: HealthReport, stored: StoredSeries, store: SeriesStore) -> None:
    """What was found, problems first; what is in order is folded."""
    serious = [finding for finding in report.findings if finding.severity != "fine"]
    fine = [finding for finding in report.findings if finding.severity == "fine"]
    st.subheader("What was found", anchor=False)
    if not serious:
        st.markdown(f"{_BADGES['fine']} Nothing stands in the way of training.")
    for finding in serious:
        with st.container(border=True, gap="small", key=f"finding_{finding.kind.replace(' ', '_')}"):
            _finding(finding)
            if finding.frames:
                _frames(finding, stored, store)
            if finding.keep is not None:
                first, last = finding.keep
                st.button(
                    f"Keep frames {thousands(first)} to {thousands(last)} ...",
                    key=f"keep_{finding.kind.replace(' ', '_')}",
                    icon=":material/content_cut:",
                    on_click=begin_preparing,
                    args=(stored.digest, {"first": first, "last": last}),
                    help=_HELP,
                )
    if fine:
        with st.expander(f"In order or good to know: {count(len(fine), 'finding')}"):
            for finding in fine:
                _finding(finding)


def details(report: HealthReport, stored: StoredSeries) -> None:
    """Curves over time and what was looked at."""
    st.plotly_chart(over_time_chart(report, stored.units), key="over_time_chart", config=CONFIG)
    st.caption(escaped(f"{over_time_in_words(report, stored.units)} {report.sampled}"))


def order_note(report: HealthReport, stored: StoredSeries) -> list[str]:
    """Words below the first and the last frame: their numbers and, where the frames were files, their names."""
    numbers = [f"First: frame {thousands(1)}", f"Last: frame {thousands(stored.n_frames)}"]
    if report.names is None:
        return numbers
    return [f"{number}, {short(name, 40)}" for number, name in zip(numbers, report.names, strict=True)]


def _finding(finding: Finding) -> None:
    advice = f" :gray[{escaped(finding.advice)}]" if finding.advice else ""
    st.markdown(f"{_BADGES[finding.severity]} {escaped(finding.sentence)}{advice}")


def _frames(finding: Finding, stored: StoredSeries, store: SeriesStore) -> None:
    """The frames that a finding names, with a neighbour before and after a single group, and what can be done with them."""
    key = str(workspace())
    shown = [index for index in _around(finding.frames, stored.n_frames) if index < stored.n_frames][:_SHOWN_FRAMES]
    pictures = [
        (thumbnail(key, stored.digest, index, store), f"{thousands(index + 1)}{' ◂' if index in finding.frames else ''}")
        for index in shown
    ]
    with st.container(width=150 * len(shown)):
        stills(pictures, highest=110)
    numbers = tuple(index + 1 for index in finding.frames)
    with st.container(horizontal=True):
        for words, step, icon in (("Leave out ...", "drop", "content_cut"), ("Replace ...", "interpolate", "auto_fix")):
            st.button(
                words,
                key=f"{step}_{finding.kind.replace(' ', '_')}",
                icon=f":material/{icon}:",
                on_click=begin_preparing,
                args=(stored.digest, {step: in_ranges(numbers)}),
                help=_HELP,
            )


def _around(frames: tuple[int, ...], n_frames: int) -> list[int]:
    if frames[-1] - frames[0] >= len(frames) or len(frames) > _SHOWN_FRAMES - 2:
        return list(frames)
    return [index for index in range(frames[0] - 1, frames[-1] + 2) if 0 <= index < n_frames]
