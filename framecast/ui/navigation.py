"""The pages, and a guard for the first visit to one of them.

Streamlit has an older way to find pages: until `st.navigation` is called for the first time in a process, an address like
/train runs that page's file alone, without app.py. A tab left open on a page meets exactly this when the server is started
anew. The guard calls `st.navigation`, which ends the older way for good, and begins again with app.py.
"""

import streamlit as st
from streamlit.navigation.page import Page

from framecast.ui import resources

_STARTED = "started_by_app"


def navigate() -> Page:
    """The page that the address asks for; app.py runs it."""
    st.session_state[_STARTED] = True
    resources.empty_old_trash(resources.workspace())
    return st.navigation(
        [
            st.Page("pages/series.py", title="Series", default=True, url_path="first"),  # frees its name for the last one
            st.Page("pages/train.py", title="Train"),
            st.Page("pages/runs.py", title="Runs"),
            st.Page("pages/compare.py", title="Compare"),
            st.Page("pages/forecast.py", title="Forecast"),
            st.Page(_to_first, title="Series", url_path="series", visibility="hidden"),
        ],
        position="top",
    )


def _to_first() -> None:
    """Streamlit's first page is at the root alone; whoever types the name of it beside those of the others comes here."""
    st.switch_page("pages/series.py")


def begin_with_app() -> None:
    """To be called before a page draws anything."""
    if not st.session_state.get(_STARTED):
        navigate()
        st.rerun()
