"""What a player was sent in this session, so that a rerun of the page sends nothing twice.

The browser says what it has (`PlayerView.have`), but a page may be run again before it could say so: after the first look of a
process, or where a person clicks while a film is still on its way. A player that misses something asks for it again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from framecast.ui.player import Part, feed, pack
from framecast.ui.player_view import PlayerView

_FED = "fed_to_players"


@dataclass
class Feeding:
    """What went to one player."""

    of: tuple[str, int]
    """The player's life, and how often it has asked again."""
    ids: set[str] = field(default_factory=set)
    passing: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a packet to what it last was: the player keeps the newest of what may be dropped."""

    def send(self, to: str, packet_name: str, parts: Sequence[Part], view: PlayerView, key: str) -> None:
        """Send those of the parts that the player has not."""
        passing = tuple(f"{part.facts['source']}@{part.facts['first']}" for part in parts if not part.facts["id"])
        known = self.passing.get(packet_name) == passing
        missing = [part for part in parts if not self._has(part, view, known)]
        if missing:
            feed(pack({"to": to}, missing), key=key)
            self.ids.update(part.facts["id"] for part in missing)
            self.passing[packet_name] = passing

    def _has(self, part: Part, view: PlayerView, passing_known: bool) -> bool:
        name = part.facts["id"]
        return name in view.have or name in self.ids if name else passing_known


def feeding(key: str, view: PlayerView, *, drawn_before: bool) -> Feeding:
    """What went to the player drawn under a key. One that was not there in the run before has nothing."""
    kept: dict[str, Feeding] = st.session_state.setdefault(_FED, {})
    of = (view.life, view.again)
    found = kept.get(key)
    if found is not None and drawn_before and (found.of == of or found.of == ("", 0)):
        found.of = of  # a player that speaks for the first time is the one that was drawn
    else:
        found = kept[key] = Feeding(of)
    return found
