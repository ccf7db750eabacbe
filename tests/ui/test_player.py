"""The payload of the player can be taken apart again the way player.js does it."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import framecast.ui.player
from framecast.ui.clips import Clip, encode_clip
from framecast.ui.player import ColourBar, Panel, pack


def clip(n_frames: int) -> Clip:
    return encode_clip((np.full((4, 6), index, np.uint8) for index in range(n_frames)), n_frames)


def test_a_payload_holds_every_picture_in_order() -> None:
    panels = [Panel("Truth", clip(3), ColourBar("linear-gradient(red, blue)", ((0.0, "0"),))), Panel("Forecast", clip(3))]
    payload = pack(panels, ["one", "two", "three"], height=100, frames_per_second=5, reports=True)
    (length,) = struct.unpack_from("<I", payload)
    header = json.loads(payload[4 : 4 + length])
    assert [panel["title"] for panel in header["panels"]] == ["Truth", "Forecast"]
    assert header["captions"] == ["one", "two", "three"] and header["reports"] is True and header["note"] == ""
    position = 4 + length
    for described, panel in zip(header["panels"], panels, strict=True):
        for size, picture in zip(described["sizes"], panel.clip.pictures, strict=True):
            assert payload[position : position + size] == picture
            position += size
    assert position == len(payload)


def test_the_same_pictures_have_the_same_id_and_others_another() -> None:
    def id_of(n_frames: int) -> str:
        payload = pack([Panel("a", clip(n_frames))], ["x"] * n_frames, height=1, frames_per_second=1, reports=False)
        (length,) = struct.unpack_from("<I", payload)
        return str(json.loads(payload[4 : 4 + length])["id"])

    assert id_of(2) == id_of(2) != id_of(3)


def test_panels_of_different_length_are_a_bug() -> None:
    with pytest.raises(AssertionError):
        pack([Panel("a", clip(2)), Panel("b", clip(3))], ["x", "y"], height=1, frames_per_second=1, reports=False)


def test_the_player_asks_no_other_host() -> None:
    for path in Path(framecast.ui.player.__file__).parent.glob("player.*"):
        assert "http" not in path.read_text(encoding="utf-8")
