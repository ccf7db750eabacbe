"""The form of a forecaster's settings, drawn from what each setting says of itself."""

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from framecast.forecasters.catalog import FORECASTERS
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

    Keys carry forecaster and preset: what was typed for one is not taken over by another. Only what comes from a run that is
    started from has a place for each such run; all else that was typed stays where one is chosen.
    """
    begin = begin or Start()
    start = kind.configure(preset, begin.inherited, split).to_mapping()
    fields = kind.settings.fields()
    chosen: dict[str, Value] = {}
    basic = [field for field in fields if not field.advanced]
    advanced = [field for field in fields if field.advanced]
    if not fields:
        st.markdown(":gray[This forecaster has nothing to set.]")
    keys = _keys(name, preset, begin.run.id if begin.run else "", begin.inherited, fields, start)
    _draw(basic, start, keys, chosen)
    if advanced:
        _draw_advanced(advanced, start, keys, chosen)
    return {**begin.inherited, **{field: value for field, value in chosen.items() if value != start[field]}}


def _draw_advanced(
    fields: list[SettingField], start: dict[str, Value], keys: dict[str, str], chosen: dict[str, Value]
) -> None:
    """Folded, and drawn only while they are unfolded: forty number fields are a third of what a click on Train costs."""
    folded = st.expander(f"Advanced settings ({len(fields)})", key=ADVANCED, on_change="rerun")
    if not folded.open:
        kept = ((field, st.session_state.get(keys[field.name])) for field in fields)
        chosen |= {field.name: start[field.name] if value is None else field.kind(value) for field, value in kept}
        return
    with folded:
        for heading in dict.fromkeys(field.group for field in sorted(fields, key=lambda field: field.group != "")):
            if heading:
                st.markdown(f"**{heading}**")
            _draw([field for field in fields if field.group == heading], start, keys, chosen)


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
    fields = kind.settings.fields()
    for begin, given in {"": {}, run: inherited}.items():
        start = kind.configure(preset, given, split).to_mapping()
        keys = _keys(name, preset, begin, given, fields, start)
        for field in fields:
            if field.name in values:
                st.session_state[keys[field.name]] = field.kind(values[field.name])


def settings_key(name: str, preset: str) -> str:
    """What the keys of all fields of this forecaster and preset begin with, before a colon."""
    return f"setting:{name}:{preset}"


def _keys(
    name: str,
    preset: str,
    run: str,
    inherited: Mapping[str, Value],
    fields: Sequence[SettingField],
    start: Mapping[str, Value],
) -> dict[str, str]:
    """Setting to the key of its field; `run` is the id of the one that the form begins with, or empty. A context that shrank
    to fit is another starting point."""
    own = settings_key(name, preset)
    keys = {field.name: f"{own}:{run}:{field.name}" if field.name in inherited else f"{own}:{field.name}" for field in fields}
    return {one: f"{key}:{start[one]}" if one == "context" else key for one, key in keys.items()}


def use_setting(name: str, preset: str, run: str, field: str, value: Value) -> None:
    """Let the form show this value, as if it had been typed there. `run` is the id of the one that it begins with, or empty;
    not for the context, whose key tells more."""
    place = f"{run}:" if run and field in FORECASTERS[name].inherited else ""
    st.session_state[f"{settings_key(name, preset)}:{place}{field}"] = value


def _draw(fields: list[SettingField], start: dict[str, Value], keys: dict[str, str], chosen: dict[str, Value]) -> None:
    """Numbers and choices two beside each other, then the switches: mixed, they would not line up."""
    fields = sorted(fields, key=lambda field: field.kind is bool)
    for row in range(0, len(fields), _COLUMNS):
        columns = st.columns(_COLUMNS, vertical_alignment="bottom")
        for column, field in zip(columns, fields[row : row + _COLUMNS], strict=False):
            with column:
                chosen[field.name] = _widget(field, start[field.name], keys[field.name])


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
