"""One colour per forecaster, to be told apart and to be seen in both themes."""

import re
import tomllib
from itertools import combinations
from pathlib import Path

import numpy as np
from skimage.color import rgb2lab

import framecast
from framecast.drawing.colours import INKS, MASKED, error_lut, forecaster_colour, gradient, grey_lut, lab, spread_lut
from framecast.evaluation.ceiling import NAMES
from framecast.forecasters.catalog import FORECASTERS

CONFIG = Path(__file__).parents[2] / ".streamlit" / "config.toml"
ENOUGH = 3.0
"""Contrast that WCAG asks of lines and shapes."""


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def themes() -> dict[str, dict[str, str]]:
    theme = tomllib.loads(CONFIG.read_text(encoding="utf-8"))["theme"]
    return {name: theme[name] for name in ("light", "dark")}


def test_every_forecaster_is_seen_in_both_themes() -> None:
    for name in [*FORECASTERS, *NAMES.values(), "one that is yet to come"]:
        for theme in themes().values():
            assert contrast(forecaster_colour(name), theme["backgroundColor"]) >= ENOUGH, name


def test_no_two_forecasters_look_alike() -> None:
    for one, other in combinations(FORECASTERS, 2):
        apart = sum(abs(a - b) for a, b in zip(rgb(forecaster_colour(one)), rgb(forecaster_colour(other)), strict=True))
        assert apart > 40, (one, other)


def test_u_net_and_climatology_are_told_apart_whatever_the_eye() -> None:
    """Seen without red, without green (Machado 2009, full deficiency) and fully, on linear light."""
    eyes = [
        np.eye(3),
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    ]
    for one, other in combinations(("unet", "climatology", "persistence", "convlstm"), 2):
        for eye in eyes:
            seen = [eye @ (np.array(rgb(forecaster_colour(name))) / 255) ** 2.2 for name in (one, other)]
            assert np.abs(seen[0] - seen[1]).max() > 0.1, (one, other)


def test_the_letters_of_charts_are_readable() -> None:
    for name, theme in themes().items():
        assert contrast(INKS[name], theme["backgroundColor"]) >= 4.5


def test_text_is_readable_in_both_themes() -> None:
    for theme in themes().values():
        assert contrast(theme["textColor"], theme["backgroundColor"]) >= 7
        assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 4.5
        assert contrast(theme["primaryColor"], "#ffffff") >= 3.8  # the label of a button


def test_a_pressed_button_of_the_player_has_the_colours_that_are_readable_on_each_other() -> None:
    css = (Path(framecast.__file__).parent / "ui" / "player" / "player.css").read_text(encoding="utf-8")
    pressed = css.split('button.word[aria-pressed="true"] {')[1].split("}")[0]
    assert "color: var(--st-background-color);" in pressed and "background: var(--st-primary-color);" in pressed


def test_the_legend_of_an_error_begins_and_ends_like_the_picture() -> None:
    lut = error_lut()
    low, high = (",".join(str(part) for part in lut[index]) for index in (0, 255))
    assert gradient(lut).startswith(f"linear-gradient(to right, rgb({low})") and gradient(lut).endswith(f"rgb({high}))")


def test_the_app_listens_to_this_machine_only_and_tells_nobody() -> None:
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"]["gatherUsageStats"] is False


def test_steps_of_a_map_look_equally_large_and_its_lightness_goes_one_way() -> None:
    """Sixteen steps on, the distance in CIELAB is much the same everywhere; a plain mixture of the colours misses that."""
    for lut, sides in ((error_lut(), (slice(None, 128), slice(128, None))), (spread_lut(), (slice(None),))):
        for side in sides:
            colours = lab(lut[side])
            far = np.linalg.norm(colours[16:] - colours[:-16], axis=1)
            assert far.max() / far.min() < 1.5
            lightness = colours[::8, 0]
            assert np.all(np.diff(lightness) > 0) or np.all(np.diff(lightness) < 0)


def test_lab_is_that_of_others() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (50, 3))
    assert np.allclose(lab(colours), rgb2lab(colours[None] / 255)[0], atol=0.02)


def test_the_two_signs_are_told_apart_whatever_the_eye() -> None:
    """Blue and red ends, seen without red or without green (Machado 2009), stay far apart."""
    low, high = ((error_lut()[end] / 255) ** 2.2 for end in (0, 255))
    for eye in (
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    ):
        assert np.abs(eye @ low - eye @ high).max() > 0.25


def test_no_data_looks_like_no_value_whatever_the_eye() -> None:
    """Machado 2009, full deficiency of red, green or blue; distances in CIELAB, where 2.3 is just seen."""
    eyes = [
        np.eye(3),
        np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
        np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
        np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
    ]
    for eye in eyes:
        values, none = (
            lab(255 * np.clip((colours / 255) ** 2.2 @ eye.T, 0, 1) ** (1 / 2.2))
            for colours in (np.concatenate([error_lut(), spread_lut(), grey_lut()]), np.array([MASKED]))
        )
        assert np.linalg.norm(values - none, axis=1).min() > 18


def test_the_player_marks_pixels_without_data_in_the_same_colour() -> None:
    code = (Path(framecast.__file__).parent / "ui" / "player" / "colours.js").read_text(encoding="utf-8")
    found = re.search(r"NO_DATA = 0xff([0-9a-f]{6});", code)
    assert found is not None
    blue, green, red = bytes.fromhex(found[1])
    assert (red, green, blue) == MASKED
