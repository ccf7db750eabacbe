"""Settings: frozen dataclasses that check themselves and carry what a form needs to draw them.

One declaration serves four readers: the code (an attribute), the Train page (label, help, bounds), the command line
(`--set key=value`) and the run folder (every value with defaults filled in). A field holds a bool, int, float or str;
anything richer would need a form of its own.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from framecast.errors import SettingError

Value = bool | int | float | str


@dataclass(frozen=True)
class SettingField:
    """One setting as a form sees it."""

    name: str
    kind: type[bool] | type[int] | type[float] | type[str]
    default: Value
    label: str
    help: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    unit: str
    advanced: bool
    group: str
    """Heading under which a form draws it; "" for none."""


def setting(
    default: Value,
    *,
    label: str,
    help: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[str, ...] = (),
    unit: str = "",
    advanced: bool = False,
    group: str = "",
) -> Any:
    """A dataclass field with what a person must know to choose its value."""
    return dataclasses.field(
        default=default,
        metadata={
            "label": label,
            "help": help,
            "minimum": minimum,
            "maximum": maximum,
            "choices": choices,
            "unit": unit,
            "advanced": advanced,
            "group": group,
        },
    )


@dataclass(frozen=True)
class Settings:
    """Base of every settings class. Raises SettingError on a value of the wrong kind or out of bounds."""

    def __post_init__(self) -> None:
        for field in self.fields():
            _check(field, getattr(self, field.name))

    @classmethod
    def fields(cls) -> list[SettingField]:
        """The settings in the order of their declaration."""
        found = []
        for field in dataclasses.fields(cls):
            default: Any = field.default
            found.append(SettingField(name=field.name, kind=type(default), default=default, **field.metadata))
        return found

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Self:
        """Settings with the given values over the defaults; text is read as the field's kind ("0.1", "true")."""
        known = {field.name: field for field in cls.fields()}
        if unknown := sorted(set(values) - set(known)):
            names = ", ".join(known) or "none"
            raise SettingError(f"There is no setting {unknown[0]!r} here. The settings are: {names}.")
        return cls(**{name: _read(known[name], value) for name, value in values.items()})

    def to_mapping(self) -> dict[str, Value]:
        """Every value, defaults filled in."""
        return {field.name: getattr(self, field.name) for field in self.fields()}


def _read(field: SettingField, value: object) -> Any:
    if field.kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or field.kind is str:
        return value
    text = value.strip().lower()
    try:
        if field.kind is bool:
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[text]
        return field.kind(text)
    except (KeyError, ValueError):
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[field.kind]
        raise SettingError(f"{field.name} is {value!r}; it must be {kind}.") from None


def _check(field: SettingField, value: object) -> None:
    if type(value) is not field.kind:
        kind = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}[field.kind]
        raise SettingError(f"{field.name} is {value!r}; it must be {kind}.")
    if field.choices and value not in field.choices:
        raise SettingError(f"{field.name} is {value!r}; choose one of: {', '.join(field.choices)}.")
    if isinstance(value, bool | str):
        return
    assert isinstance(value, int | float)
    low, high = field.minimum, field.maximum
    too_low = low is not None and value < low
    too_high = high is not None and value > high
    if not math.isfinite(value) or too_low or too_high:
        bounds = " and ".join(
            text for text in (low is not None and f"at least {low:g}", high is not None and f"at most {high:g}") if text
        )
        raise SettingError(f"{field.name} is {value:g}; it must be {bounds or 'finite'}.")
