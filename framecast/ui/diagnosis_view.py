"""Why the forecast is as it is: what the diagnosis found, in words, with what to try and a way to the lead it begins at."""

import streamlit as st

from framecast.evaluation.diagnosis import FAULTS, NOTHING
from framecast.evaluation.faults.finding import Finding, Severity
from framecast.runs.diagnosing import diagnosis, kept_diagnosis
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries
from framecast.ui import state
from framecast.ui.text import escaped

_BADGES: dict[Severity, str] = {"strong": "red", "clear": "orange", "slight": "gray"}
_LIMIT = "blue"


def diagnosis_view(run: Run, stored: StoredSeries | None, store: SeriesStore) -> None:
    """Draw what was found of a finished run; of an old one it is found now, if its series is still there."""
    findings = kept_diagnosis(run)
    if findings is None and stored is not None:
        with st.spinner("Looking for what is wrong with this forecast ..."):
            findings = diagnosis(run, store.open(run.record.series))
    if findings is None:
        return
    st.subheader("Why it is as it is", anchor=False)
    if not findings:
        st.markdown(NOTHING)
    for finding in findings:
        with st.container(border=True, key=f"finding_{finding.name}"):
            words, way = st.columns([9, 1], vertical_alignment="center")
            words.markdown(finding_text(finding))
            if stored is not None:
                way.button(
                    f"Lead {finding.lead}",
                    key=f"to_lead_of_{finding.name}",
                    icon=":material/visibility:",
                    help="Show this lead in the player.",
                    on_click=state.show_lead,
                    args=(run.id, finding.lead),
                    width="stretch",
                )


def finding_text(finding: Finding) -> str:
    """A finding as markdown: how strong it is, its name, the sentence, and below it what to try."""
    word = "limit" if finding.limit else finding.severity
    badge = f":{_LIMIT if finding.limit else _BADGES[finding.severity]}-badge[{word}]"
    title = escaped(FAULTS[finding.name].title)
    return f"{badge} **{title}.** {escaped(finding.sentence)}  \n:small[:gray[Try: {escaped(finding.advice)}]]"
