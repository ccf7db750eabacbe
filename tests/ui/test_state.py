"""Which run the Train page shows, when the browser's address and the last click say different things."""

import pytest
from streamlit.testing.v1 import AppTest

from framecast.ui import state


def train_page() -> None:
    import streamlit as st

    from framecast.ui import state

    shown, lost = state.run_on_train_page(lambda run_id: run_id in ("a", "b", "c"), ["c"])
    st.text(f"{shown} {lost}")
    for run_id in ("a", "b"):
        st.button(run_id, key=run_id, on_click=state.choose_run, args=(run_id, state.TRAINED))
    st.button("Close", key="close", on_click=state.choose_run, args=(None, state.TRAINED))


def opened(run_id: str) -> AppTest:
    app = AppTest.from_function(train_page, default_timeout=60)
    app.query_params["run"] = run_id
    app.run()
    assert app.text[0].value == f"{run_id} False"
    return app


def come_with(app: AppTest, address: str) -> str:
    """The page is drawn anew, by a request that carries this address."""
    app.query_params["run"] = address
    app.run()
    return app.text[0].value


def test_a_click_on_another_run_is_not_undone_by_the_address_that_the_browser_still_has() -> None:
    app = opened("a")
    app.button("b").click().run()
    assert app.text[0].value == "b False"
    assert come_with(app, "a") == "b False" and app.query_params["run"] == "b"
    assert come_with(app, "b") == "b False"
    app.button("a").click().run()
    assert app.text[0].value == "a False"


def test_a_run_that_was_closed_does_not_come_back_by_it() -> None:
    app = opened("a")
    app.button("close").click().run()
    assert app.text[0].value == "c False"
    assert come_with(app, "a") == "c False"


def test_a_little_later_an_address_is_a_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("a")
    app.button("b").click().run()
    monkeypatch.setattr(state, "STALE_S", 0.0)
    assert come_with(app, "a") == "a False"


def test_another_address_is_always_one() -> None:
    app = opened("a")
    app.button("b").click().run()
    assert come_with(app, "c") == "c False"
    assert come_with(app, "nobody") == "c True"
