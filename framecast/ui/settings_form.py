"""The form of a forecaster's settings, drawn from what each setting says of itself."""

import math
from collections.abc import Mapping

import streamlit as st

from framecast.forecasters.contract import ForecasterKind
from framecast.series.frames import Split
from framecast.settings import SettingField, Value
from framecast.ui.start_choice import Start

_COLUMNS = 2
ADVANCED = "advanced_settings"
"""Whether they are unfolded."""


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
    prefix = _prefix(name, preset, begin.run.id if begin.run else "")
    _draw(basic, start, prefix, chosen)
    if advanced:
        _draw_advanced(advanced, start, prefix, chosen)
    return {**begin.inherited, **{field: value for field, value in chosen.items() if value != start[field]}}


def _draw_advanced(fields: list[SettingField], start: dict[str, Value], prefix: str, chosen: dict[str, Value]) -> None:
    """Folded, and drawn only while they are unfolded: forty number fields are a third of what a click on Train costs."""
    folded = st.expander(f"Advanced settings ({len(fields)})", key=ADVANCED, on_change="rerun")
    if not folded.open:
        kept = ((field, st.session_state.get(_key(prefix, field, start))) for field in fields)
        chosen |= {field.name: start[field.name] if value is None else field.kind(value) for field, value in kept}
        return
    with folded:
        for heading in dict.fromkeys(field.group for field in sorted(fields, key=lambda field: field.group != "")):
            if heading:
                st.markdown(f"**{heading}**")
            _draw([field for field in fields if field.group == heading], start, prefix, chosen)


def use_settings(
    name: str,
    preset: str,
    kind: ForecasterKind,
    split: Split,
    values: Mapping[str, Value],
    inherited: Mapping[str, Value],
    run: str,
) -> None:
    """Let the form begin with these values, whether it begins with the run of this id (and what is `inherited` from there) or
    not."""
    for begin, given in {"": {}, run: inherited}.items():
        start = kind.configure(preset, given, split).to_mapping()
        for field in kind.settings.fields():
            if field.name in values:
                st.session_state[_key(_prefix(name, preset, begin), field, start)] = field.kind(values[field.name])


def settings_key(name: str, preset: str) -> str:
    """What the keys of all fields of this forecaster and preset begin with, before a colon."""
    return f"setting:{name}:{preset}"


def _prefix(name: str, preset: str, run: str) -> str:
    return settings_key(name, preset) + (f":{run}" if run else "")


def _key(prefix: str, field: SettingField, start: Mapping[str, Value]) -> str:
    """A context that shrank to fit is another starting point."""
    return f"{prefix}:{field.name}" + (f":{start[field.name]}" if field.name == "context" else "")


def use_setting(name: str, preset: str, run: str, field: str, value: Value) -> None:
    """Let the form show this value, as if it had been typed there. `run` is the id of the one that it begins with, or empty;
    not for the context, whose key tells more."""
    st.session_state[f"{_prefix(name, preset, run)}:{field}"] = value


def _draw(fields: list[SettingField], start: dict[str, Value], prefix: str, chosen: dict[str, Value]) -> None:
    """Numbers and choices two beside each other, then the switches: mixed, they would not line up."""
    fields = sorted(fields, key=lambda field: field.kind is bool)
    for row in range(0, len(fields), _COLUMNS):
        columns = st.columns(_COLUMNS, vertical_alignment="bottom")
        for column, field in zip(columns, fields[row : row + _COLUMNS], strict=False):
            with column:
                chosen[field.name] = _widget(field, start[field.name], _key(prefix, field, start))


def _widget(field: SettingField, start: Value, key: str) -> Value:
    label = f"{field.label} ({field.unit})" if field.unit else field.label
    st.session_state.setdefault(key, field.kind(start))  # not the widget's own default, which must not meet a value set before
    if field.kind is bool:
        return st.toggle(label, key=key, help=field.help, persist_state="session")
    if field.choices:
        return str(st.selectbox(label, field.choices, key=key, help=field.help, persist_state="session"))
    if field.kind is str:
        return str(st.text_input(label, key=key, help=field.help, persist_state="session"))
    low, high = field.minimum, field.maximum
    if field.kind is int:
        bounds = (None if low is None else int(low), None if high is None else int(high))
        whole = st.number_input(label, *bounds, step=1, format="%d", key=key, help=field.help, persist_state="session")
        return int(start) if whole is None else int(whole)
    step = _step(float(start))
    number = st.number_input(label, low, high, step=step, format="%.4g", key=key, help=field.help, persist_state="session")
    return float(start) if number is None else float(number)


def _step(start: float) -> float:
    """A tenth of the value's power of ten: 0.001 moves by 0.0001."""
    return 10.0 ** (math.floor(math.log10(abs(start))) - 1) if start else 0.1
