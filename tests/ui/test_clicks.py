"""A click is taken once, also where the page was drawn anew before it came to the button."""

import pytest
from streamlit.testing.v1 import AppTest

from framecast.ui import clicks


def drawn_in_part() -> None:
    """The second run is broken off before it comes to the button."""
    import streamlit as st

    from framecast.ui.clicks import clicked

    st.session_state["runs"] = st.session_state.get("runs", 0) + 1
    if st.session_state["runs"] == 2:
        st.stop()
    st.markdown("taken" if clicked("Go", key="go") else "not taken")


def test_a_click_is_taken_by_the_run_that_comes_to_the_button() -> None:
    app = AppTest.from_function(drawn_in_part, default_timeout=60).run()
    assert app.markdown[0].value == "not taken"
    app.button(key="go").click().run()
    assert not app.markdown, "broken off"
    assert app.run().markdown[0].value == "taken"
    assert app.run().markdown[0].value == "not taken", "once"


def test_a_click_that_nobody_expects_any_more_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    app = AppTest.from_function(drawn_in_part, default_timeout=60).run()
    app.button(key="go").click().run()
    monkeypatch.setattr(clicks, "FRESH_S", 0.0)
    assert app.run().markdown[0].value == "not taken"


def fits_or_not() -> None:
    """A page that does not draw the button, or draws it as one that cannot be clicked, where what was typed does not fit."""
    import streamlit as st

    from framecast.ui.clicks import clicked, forget_clicks

    fits = st.session_state.get("fits", "yes")
    if fits != "no":
        st.markdown("taken" if clicked("Go", key="go", disabled=fits == "later") else "not taken")
    forget_clicks()


@pytest.mark.parametrize("meanwhile", ["no", "later"])
def test_a_click_on_what_does_not_fit_begins_nothing_once_it_does(meanwhile: str) -> None:
    app = AppTest.from_function(fits_or_not, default_timeout=60).run()
    app.session_state["fits"] = meanwhile
    app.button(key="go").click().run()
    assert not app.markdown or app.markdown[0].value == "not taken"
    app.session_state["fits"] = "yes"
    assert app.run().markdown[0].value == "not taken"
