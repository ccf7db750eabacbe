"""The packets of the player can be taken apart again the way its script does it, and what the browser says is checked."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import framecast.ui.player
from framecast.ui.clips import Clip, encode_clip
from framecast.ui.player import MODULES, ColourBar, Panel, mask, pack, pack_clips, sample, values
from framecast.ui.player_view import PlayerView

HERE = Path(framecast.ui.player.__file__).parent


def clip(n_frames: int) -> Clip:
    return encode_clip((np.full((4, 6), index, np.uint8) for index in range(n_frames)), n_frames)


def header_of(packet: bytes) -> tuple[dict, int]:
    (length,) = struct.unpack_from("<I", packet)
    return json.loads(packet[4 : 4 + length]), 4 + length


def test_a_packet_of_clips_holds_every_picture_in_order() -> None:
    panels = [Panel("Truth", clip(3), ColourBar("linear-gradient(red, blue)", ((0.0, "0"),))), Panel("Forecast", clip(3))]
    packet = pack_clips(panels, ["one", "two", "three"], size=(6, 4), height=100, frames_per_second=5)
    header, position = header_of(packet)
    assert [source["title"] for source in header["sources"]] == ["Truth", "Forecast"]
    assert header["captions"] == ["one", "two", "three"] and header["n"] == 3 and header["note"] == ""
    for part, panel in zip(header["parts"], panels, strict=True):
        for size, picture in zip(part["sizes"], panel.clip.pictures, strict=True):
            assert packet[position : position + size] == picture
            position += size
    assert position == len(packet)


def test_places_are_told_in_pixels_of_the_frame_where_the_pictures_are_smaller() -> None:
    drawn = Clip(clip(1).pictures, "image/jpeg", 400, 300, lossless=False)
    header, _ = header_of(pack_clips([Panel("a", drawn)], ["x"], size=(720, 540), height=1, frames_per_second=1))
    assert (header["width"], header["height"]) == (720, 540) and "400 × 300" in header["note"]


def test_the_same_pictures_have_the_same_name_and_others_another() -> None:
    def name_of(n_frames: int) -> str:
        packet = pack_clips([Panel("a", clip(n_frames))], ["x"] * n_frames, size=(6, 4), height=1, frames_per_second=1)
        return str(header_of(packet)[0]["name"])

    assert name_of(2) == name_of(2) != name_of(3)


def test_panels_of_different_length_are_a_bug() -> None:
    with pytest.raises(AssertionError):
        pack_clips([Panel("a", clip(2)), Panel("b", clip(3))], ["x", "y"], size=(6, 4), height=1, frames_per_second=1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_values_travel_to_the_bit(dtype: str) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (2, 3, 4, 2)).astype(dtype)
    packet = pack({}, [values("truth", 5, frames)])
    header, position = header_of(packet)
    (part,) = header["parts"]
    assert (part["dtype"], part["channels"], part["first"]) == (dtype, 2, 5)
    assert np.array_equal(np.frombuffer(packet[position:], dtype).reshape(frames.shape), frames)


def test_what_may_be_dropped_has_no_id_and_all_else_one_of_its_own() -> None:
    frames = np.zeros((1, 2, 2, 1), np.uint8)
    assert values("truth", 1, frames, passing=True).facts["id"] == ""
    parts = [values("truth", 1, frames), values("truth", 9, frames), values("a", 1, frames)]
    parts += [sample("a", frames[0, 0]), mask(frames[0, ..., 0])]
    assert len({part.facts["id"] for part in parts}) == len(parts)


def test_the_player_asks_no_other_host_and_every_script_is_joined() -> None:
    for path in HERE.glob("*.*s*"):
        assert "http" not in path.read_text(encoding="utf-8"), path.name
    assert {path.stem for path in HERE.glob("*.js")} == {*MODULES, "feed"}


def view(**said: object) -> PlayerView:
    return PlayerView.of(said, horizon=9, history=4, most_history=6, size=(20, 10), channels=["all", "0"])


def test_what_the_browser_says_is_read() -> None:
    said = {"lead": 3, "mode": "swipe", "error": "ssim", "channel": "0", "history": 2, "jump": 7}
    found = view(**said, pin=[19, 9], rect=[1, 2, 3, 4], have=["a"])
    assert (found.lead, found.mode, found.error, found.channel, found.history, found.jump) == (3, "swipe", "ssim", "0", 2, 7)
    assert (found.pin, found.rect, found.have) == ((19, 9), (1, 2, 3, 4), frozenset(["a"]))
    assert view(lead=-1).lead == -1 and view(lead=-9).lead == -3  # four observed frames: leads -3 to 0


@pytest.mark.parametrize(
    "said",
    [
        {"lead": "<b>", "mode": 3, "error": None, "channel": "9", "history": [], "jump": "x", "pin": [1], "rect": "all"},
        {"lead": float("nan"), "mode": "no", "pin": [20, 0], "rect": [20, 0, 5, 5], "have": [1, None]},
        {"have": 5},
        {"pin": [-1, 0], "rect": [0, 0, 0, 4], "lead": True},
    ],
)
def test_what_makes_no_sense_counts_for_nothing(said: dict[str, object]) -> None:
    assert view(**said) == view()


def test_a_rectangle_is_cut_to_the_frame() -> None:
    assert view(rect=[-5, 8, 100, 100]).rect == (0, 8, 20, 2)


@pytest.mark.parametrize(
    ("taken", "dtype"),
    [([0, 255], "uint8"), ([0, 256], "uint16"), ([0, 65_536], "float32"), ([-1, 3], "float32"), ([0.5, 3], "float32")],
)
def test_a_sample_travels_in_the_smallest_type_that_holds_it(taken: list[float], dtype: str) -> None:
    pixels = np.array(taken, np.float32)[:, None]
    part = sample("truth", pixels)
    assert part.facts["dtype"] == dtype
    assert np.frombuffer(part.blobs[0], dtype).tolist() == taken
