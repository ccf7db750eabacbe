"""Drawing on a frame in a real browser makes the series that was drawn."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from framecast.series.store import SeriesStore
from tests.browser.conftest import click, drawn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEIGHT, WIDTH = 90, 120


def test_a_crop_drawn_on_the_frame_becomes_a_series(page: Page, server_workspace: Path, complaints: list[str]) -> None:
    """Drawn with the mouse, moved a pixel with an arrow key: the numbers follow, and the new series is that part."""
    store = SeriesStore(server_workspace)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = [(np.hypot(x - 30 - t, y - 40) * 3 % 256).astype(np.uint8)[..., None] for t in range(30)]
    stored = store.add("rings to crop", frames)
    page.reload()
    click(page.get_by_role("button", name="rings to crop", exact=True))
    expect(page.get_by_role("heading", name="rings to crop", exact=True)).to_be_visible()
    click(page.get_by_role("button", name="Prepare"))
    frame = page.locator(".crop")
    expect(frame).to_be_visible()
    drawn(page)  # what is still to come above it would move it under the mouse
    frame.scroll_into_view_if_needed()
    area = frame.bounding_box()
    assert area is not None

    def at(right: float, down: float) -> tuple[float, float]:
        """Where on the screen a pixel of the frame is."""
        return area["x"] + right / WIDTH * area["width"], area["y"] + down / HEIGHT * area["height"]

    page.mouse.move(*at(20, 30))
    page.mouse.down()
    page.mouse.move(*at(50, 50), steps=4)
    page.mouse.move(*at(80, 75))
    page.mouse.up()
    width = page.get_by_label("Width", exact=True)
    expect(width).to_have_value("60")
    for _ in range(9):  # at the pace at which the answer to one comes amid the others
        frame.press("ArrowRight")
        page.wait_for_timeout(430)
    for _ in range(8):
        frame.press("ArrowLeft")
    expect(page.get_by_label("Left", exact=True)).to_have_value("21")
    expect(page.locator(".crop .rectangle")).to_have_attribute("style", re.compile("left: 17.5%"))
    assert [page.get_by_label(name, exact=True).input_value() for name in ("Left", "Top", "Width", "Height")] == [
        "21", "30", "60", "45",
    ]  # fmt: skip
    expect(page.get_by_text("30 frames of 60 × 45 pixels.")).to_be_visible()
    click(page.get_by_role("button", name="Make the new series"))
    expect(page.get_by_text("Stored rings to crop, 60 × 45 px: 30 frames.")).to_be_visible()
    made = next(one for one in store.list() if one.made_from == stored.digest)
    expected = store.open(stored.digest).frames[:, 30:75, 21:81]
    assert np.array_equal(store.open(made.digest).frames, expected)
    origin = f"Prepared from rings to crop ({stored.digest}): Cropped to 60 × 45 pixels, the upper left corner at x 21, y 30."
    expect(page.get_by_text(origin)).to_be_visible()
    assert not complaints, complaints


@pytest.mark.parametrize(
    ("width", "height", "said"),
    [(900, 12, "The frame is drawn higher than it is."), (12, 900, "The frame is drawn wider than it is."), (200, 700, "")],
)
def test_the_crop_box_says_where_it_stretches_a_frame(
    page: Page, server_workspace: Path, complaints: list[str], width: int, height: int, said: str
) -> None:
    """A frame that can be seen as it is has its own shape, also where it is higher than there is room."""
    noise = np.random.default_rng(0).integers(0, 256, (24, height, width, 1), np.uint8)
    SeriesStore(server_workspace).add(f"thin {width}", noise)
    page.reload()
    click(page.get_by_role("button", name=f"thin {width}", exact=True))
    expect(page.get_by_role("heading", name=f"thin {width}", exact=True)).to_be_visible()
    click(page.get_by_role("button", name="Prepare"))
    drawn(page)
    expect(page.locator(".stretch")).to_have_text(said)
    area = page.locator(".crop img").bounding_box()
    assert area is not None
    assert said or area["width"] / area["height"] == pytest.approx(width / height, rel=0.03)
    assert complaints == []


@pytest.mark.parametrize("name", ["two curves", "a third one"])
def test_the_legend_is_not_under_the_buttons_of_its_chart(page: Page, server_workspace: Path, name: str) -> None:
    """The column is narrow, and where nothing hovers, as on a tablet, the buttons are always there."""
    frames = np.random.default_rng(0).integers(0, 256, (30, 20, 24, 1), np.uint8)
    if name == "a third one":  # of past cycles, which takes a second row
        frames = np.concatenate([frames[:9]] * 6)
    SeriesStore(server_workspace).add(name, frames)
    page.reload()
    click(page.get_by_role("button", name=name, exact=True))
    chart = page.locator(".st-key-predictability")
    expect(chart.locator(".legend")).to_be_visible()
    drawn(page)
    legend, buttons = chart.locator(".legend").bounding_box(), chart.locator(".modebar").bounding_box()
    assert legend is not None and buttons is not None
    assert buttons["y"] + buttons["height"] <= legend["y"] + 2


def test_the_first_page_is_found_by_its_name_too(page: Page, app_url: str, complaints: list[str]) -> None:
    """The others are at /train, /runs, /compare and /forecast."""
    page.goto(f"{app_url}/series")
    expect(page.get_by_role("heading", name="Series", exact=True)).to_be_visible()
    drawn(page)
    expect(page.get_by_text("Page not found")).not_to_be_visible()
    expect(page).to_have_url(f"{app_url}/")
    assert complaints == []
