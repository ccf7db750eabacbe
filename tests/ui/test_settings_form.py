"""The form offers every setting of every forecaster, begins at the preset and gives back what was changed, no more."""

import pytest
from streamlit.testing.v1 import AppTest

from framecast.forecasters.catalog import FORECASTERS
from framecast.ui.settings_form import ADVANCED


def form(name: str, preset: str) -> None:
    import streamlit as st

    from framecast.forecasters.catalog import FORECASTERS
    from framecast.series.frames import Split
    from framecast.ui.settings_form import settings_form

    st.session_state["changes"] = settings_form(name, preset, FORECASTERS[name], Split.of(400))


def unfolded(name: str, preset: str) -> AppTest:
    app = AppTest.from_function(form, args=(name, preset), default_timeout=60)
    app.session_state[ADVANCED] = True
    return app.run()


CASES = [(name, preset) for name, kind in FORECASTERS.items() for preset in kind.presets]


@pytest.mark.parametrize(("name", "preset"), CASES, ids=[f"{name}, {preset}" for name, preset in CASES])
def test_the_form_begins_at_the_preset(name: str, preset: str) -> None:
    app = unfolded(name, preset)
    assert not app.exception
    assert app.session_state["changes"] == {}
    widgets = [*app.number_input, *app.selectbox, *app.toggle, *app.text_input]
    assert len(widgets) == len(FORECASTERS[name].settings.fields())
    assert all(widget.help for widget in widgets)


def test_numbers_are_shown_with_four_digits_and_kept_whole() -> None:
    app = unfolded("unet", "question")
    drop = app.number_input(key="setting:unet:question:drop_every")
    assert drop.proto.format == "%.4g" and drop.value == 125 / 300


def test_a_change_is_given_back_in_its_kind() -> None:
    app = unfolded("unet", "recommended")
    app.number_input(key="setting:unet:recommended:epochs").set_value(3)
    app.number_input(key="setting:unet:recommended:learning_rate").set_value(0.5)
    app.toggle(key="setting:unet:recommended:residual").set_value(False)
    app.selectbox(key="setting:unet:recommended:select_by").set_value("mse")
    app.run()
    changes = app.session_state["changes"]
    assert changes == {"epochs": 3, "learning_rate": 0.5, "residual": False, "select_by": "mse"}
    assert FORECASTERS["unet"].configure("recommended", changes).to_mapping()["epochs"] == 3


def test_advanced_settings_that_are_folded_are_not_drawn_and_keep_what_was_changed() -> None:
    """Drawing dozens of fields that nobody sees would cost every click; and it may not forget what was chosen there."""
    app = AppTest.from_function(form, args=("unet", "recommended"), default_timeout=60).run()
    shown = {field.name for field in FORECASTERS["unet"].settings.fields() if not field.advanced}
    assert len([*app.number_input, *app.selectbox, *app.toggle, *app.text_input]) == len(shown)
    app.session_state[ADVANCED] = True
    app.run()
    app.toggle(key="setting:unet:recommended:residual").set_value(False).run()
    for unfolded_again in (False, False, True):
        app.session_state[ADVANCED] = unfolded_again
        app.run()
        assert not app.exception and app.session_state["changes"] == {"residual": False}
    assert app.toggle(key="setting:unet:recommended:residual").value is False


def test_advanced_settings_stand_under_their_headings() -> None:
    """Each heading once, and below it what belongs to it: a list of dozens is not read from top to bottom."""
    app = unfolded("unet", "recommended")
    (expander,) = app.expander
    drawn: dict[str, set[str]] = {}
    heading = ""
    for element in expander.children.values():
        if element.type == "markdown":
            heading = element.value.strip("*")
            assert heading not in drawn
        else:
            drawn.setdefault(heading, set()).update(
                widget.label for kind in ("number_input", "selectbox", "toggle") for widget in element.get(kind)
            )
    expected: dict[str, set[str]] = {}
    for field in FORECASTERS["unet"].settings.fields():
        if field.advanced:
            expected.setdefault(field.group, set()).add(f"{field.label} ({field.unit})" if field.unit else field.label)
    assert drawn == expected
    assert max(len(labels) for labels in drawn.values()) <= 10
