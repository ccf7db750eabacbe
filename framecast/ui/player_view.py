"""What the browser says of a player, checked: it comes from outside and may be old, partial or made up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

MODES = ("side", "swipe", "blink", "difference")
ERRORS = ("signed", "absolute", "squared", "ssim")
Pixel = tuple[int, int]
"""x, y; both from 0 at the upper left."""
Rectangle = tuple[int, int, int, int]
"""x, y, width, height."""


@dataclass(frozen=True)
class PlayerView:
    """What a player shows. `lead` is 0 or less where an observed frame is shown."""

    life: str = ""
    """Names the player that spoke; one that was drawn anew has another."""
    lead: int = 1
    mode: str = "side"
    error: str = "signed"
    channel: str = "all"
    history: int = 0
    jump: int = 0
    """Number of the last jump that it obeyed."""
    pin: Pixel | None = None
    rect: Rectangle | None = None
    have: frozenset[str] = frozenset()
    """Ids of the parts that it was sent and keeps."""
    again: int = 0
    """How often it has asked for what it was sent and did not get."""

    @classmethod
    def of(
        cls, said: Mapping[str, Any], *, horizon: int, history: int, most_history: int, size: Pixel, channels: Sequence[str]
    ) -> "PlayerView":
        """What was said, with what does not make sense left at its default. `history` is the default of that, `size` the width
        and height of a frame."""
        width, height = size
        shown_history = _whole(said.get("history"), 0, most_history, history)
        return cls(
            life=str(said.get("life", ""))[:20],
            lead=_whole(said.get("lead"), 1 - shown_history, horizon, 1),
            mode=_one_of(said.get("mode"), MODES),
            error=_one_of(said.get("error"), ERRORS),
            channel=_one_of(said.get("channel"), channels),
            history=shown_history,
            jump=_whole(said.get("jump"), 0, 2**31, 0),
            pin=_pixel(said.get("pin"), width, height),
            rect=_rectangle(said.get("rect"), width, height),
            have=_words(said.get("have")),
            again=_whole(said.get("again"), 0, 2**31, 0),
        )

    def of_another_life(self) -> "PlayerView":
        """As it is shown by a player that was drawn anew, and has nothing yet."""
        return replace(self, life="", have=frozenset(), again=0)

    def to_mapping(self) -> dict[str, Any]:
        """What a player is told that is to begin with it."""
        return {name: value for name, value in vars(self).items() if name not in ("life", "have", "again")}


def _whole(value: object, low: int, high: int, default: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return default
    return int(min(high, max(low, value)))


def _one_of(value: object, options: Sequence[str]) -> str:
    return value if isinstance(value, str) and value in options else options[0]


def _words(value: object) -> frozenset[str]:
    return frozenset(one for one in value if isinstance(one, str)) if isinstance(value, list | tuple) else frozenset()


def _numbers(value: object, n_numbers: int) -> list[int] | None:
    if not isinstance(value, list | tuple) or len(value) != n_numbers:
        return None
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and one == one for one in value):
        return None
    return [int(min(2**31, max(-(2**31), one))) for one in value]


def _pixel(value: object, width: int, height: int) -> Pixel | None:
    if (found := _numbers(value, 2)) is None:
        return None
    x, y = found
    return (x, y) if 0 <= x < width and 0 <= y < height else None


def _rectangle(value: object, width: int, height: int) -> Rectangle | None:
    """The part of it that lies on the frame, None where none does."""
    if (found := _numbers(value, 4)) is None:
        return None
    x, y = max(0, found[0]), max(0, found[1])
    right, bottom = min(width, found[0] + found[2]), min(height, found[1] + found[3])
    return (x, y, right - x, bottom - y) if right > x and bottom > y else None
