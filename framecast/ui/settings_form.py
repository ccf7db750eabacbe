"""The form of a forecaster's settings, drawn from what each setting says of itself."""

import math

import streamlit as st

from framecast.forecasters.contract import ForecasterKind
from framecast.series.frames import Split
from framecast.settings import SettingField, Value
from framecast.ui.start_choice import Start

_COLUMNS = 2


def settings_form(name: str, preset: str, kind: ForecasterKind, split: Split, begin: Start | None = None) -> dict[str, Value]:
    """Draw the settings of `kind`, each at the value that its preset has for this split, and return those that the person
    changed. What comes from the run that `begin` starts from stands in the form and is returned too.

    Keys carry forecaster and preset: what was typed for one is not taken over by another.
    """
    begin = begin or Start()
    start = kind.configure(preset, begin.inherited, split).to_mapping()
    fields = kind.settings.fields()
    chosen: dict[str, Value] = {}
    basic = [field for field in fields if not field.advanced]
    advanced = [field for field in fields if field.advanced]
    if not fields:
        st.markdown(":gray[This forecaster has nothing to set.]")
    prefix = f"{name}:{preset}" + (f":{begin.run.id}" if begin.run else "")
    _draw(basic, start, prefix, chosen)
    if advanced:
        with st.expander(f"Advanced settings ({len(advanced)})"):
            for heading in dict.fromkeys(field.group for field in sorted(advanced, key=lambda field: field.group != "")):
                if heading:
                    st.markdown(f"**{heading}**")
                _draw([field for field in advanced if field.group == heading], start, prefix, chosen)
    return {**begin.inherited, **{field: value for field, value in chosen.items() if value != start[field]}}


def _draw(fields: list[SettingField], start: dict[str, Value], prefix: str, chosen: dict[str, Value]) -> None:
    """Numbers and choices two beside each other, then the switches: mixed, they would not line up."""
    fields = sorted(fields, key=lambda field: field.kind is bool)
    for row in range(0, len(fields), _COLUMNS):
        columns = st.columns(_COLUMNS, vertical_alignment="bottom")
        for column, field in zip(columns, fields[row : row + _COLUMNS], strict=False):
            with column:
                key = f"setting:{prefix}:{field.name}"
                if field.name == "context":
                    key += f":{start[field.name]}"  # one that shrank to fit is another starting point
                chosen[field.name] = _widget(field, start[field.name], key)


def _widget(field: SettingField, start: Value, key: str) -> Value:
    label = f"{field.label} ({field.unit})" if field.unit else field.label
    if field.kind is bool:
        return st.toggle(label, bool(start), key=key, help=field.help, persist_state="session")
    if field.choices:
        index = field.choices.index(str(start))
        return str(st.selectbox(label, field.choices, index, key=key, help=field.help, persist_state="session"))
    if field.kind is str:
        return str(st.text_input(label, str(start), key=key, help=field.help, persist_state="session"))
    low, high = field.minimum, field.maximum
    if field.kind is int:
        bounds = (None if low is None else int(low), None if high is None else int(high))
        return st.number_input(label, *bounds, int(start), 1, "%d", key, field.help, persist_state="session")
    number = float(start)
    return st.number_input(label, low, high, number, _step(number), "%.4g", key, field.help, persist_state="session")


def _step(start: float) -> float:
    """A tenth of the value's power of ten: 0.001 moves by 0.0001."""
    return 10.0 ** (math.floor(math.log10(abs(start))) - 1) if start else 0.1
