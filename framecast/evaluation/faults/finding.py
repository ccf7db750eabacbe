"""What a diagnosis finds: a name, from which lead, how strongly, a sentence with numbers, and what to try."""

from dataclasses import dataclass
from typing import Any, Literal, Self

Severity = Literal["strong", "clear", "slight"]
STRONG, CLEAR = 0.6, 0.3


@dataclass(frozen=True)
class Finding:
    name: str
    """As in `diagnosis.FAULTS`."""
    lead: int
    """From which lead on, from 1."""
    strength: float
    """0 to 1."""
    sentence: str
    advice: str
    """What to try, as a sentence."""
    limit: bool = False
    """Not a mistake of the forecaster: a limit of what can be forecast of this series, or at this size."""

    @property
    def severity(self) -> Severity:
        return "strong" if self.strength >= STRONG else "clear" if self.strength >= CLEAR else "slight"

    def to_mapping(self) -> dict[str, Any]:
        return dict(vars(self))

    @classmethod
    def from_mapping(cls, values: Any) -> Self:
        """Raises TypeError where `values` are not what `to_mapping` gives."""
        return cls(**values)


def percent(share: float) -> str:
    """'7 %', 'less than 1 %'."""
    return "less than 1 %" if 0 < share < 0.005 else f"{share:.0%}".replace("%", " %")


def number(value: float) -> str:
    """Three digits in plain decimals, where these do not become many or none."""
    text = f"{value:.3g}"
    if not 1e-6 <= abs(value) < 1e12:
        return text
    return text if "e" not in text else f"{value:.0f}" if abs(value) >= 1 else f"{value:.6f}".rstrip("0")


def since(lead: int) -> str:
    """'From lead 7 on', 'From the first lead on'."""
    return "From the first lead on" if lead == 1 else f"From lead {lead} on"


def bounded(strength: float) -> float:
    """A strength within 0 to 1, in two decimals."""
    return round(min(1.0, max(0.0, strength)), 2)
