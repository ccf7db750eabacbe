"""The player in a real browser, on a finished run: every mode, every key, what is drawn and what is read off it.

The arrays are the judge: colours are compared with the values they stand for, and values to the last digit.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from framecast.drawing.colours import error_lut, spread_lut
from framecast.evaluation.scores import score
from framecast.forecasters.catalog import FORECASTERS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.forecasting import score_test
from framecast.runs.store import Run, RunStore
from framecast.series.frames import Frames, FrameSeries, Split
from framecast.series.store import SeriesStore
from tests.browser.conftest import PATIENCE_MS, drawn, patient, tracebacks
from tests.browser.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_FRAMES, HORIZON, HEIGHT, WIDTH = 20, 6, 24, 30
ORIGIN = N_FRAMES - HORIZON
TITLE = FORECASTERS["damped"].title
DEEP = (300, 260)
"""Height and width of a series too large for all its values to be sent."""


@dataclass(frozen=True)
class Finished:
    run: Run
    series: FrameSeries

    @property
    def truth(self) -> Frames:
        return self.series.frames[self.run.record.split.test.start :]


@pytest.fixture(scope="module")
def small(server_workspace: Path) -> Finished:
    """A colour series and the run of a simple rule on it, carried out as any run is."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [[120 + 60 * np.sin((x + 2 * t) / (4 + c)) + 30 * np.cos((y - t) / 3) for c in range(3)] for t in range(N_FRAMES)]
    return finished(server_workspace, np.moveaxis(np.array(waves), 1, -1).round().astype(np.uint8), HORIZON)


@pytest.fixture(scope="module")
def deep(server_workspace: Path) -> Finished:
    """A 16-bit series of a size that is played from previews, and a forecast that drifts away from it."""
    y, x = np.mgrid[: DEEP[0], : DEEP[1]]
    frames = np.stack([1500 + 700 * np.sin((x + 3 * t) / 20) + 500 * np.cos(y / 15) for t in range(12)]).round()
    store, runs = SeriesStore(server_workspace), RunStore(server_workspace)
    stored = store.add("deep", frames[..., None].astype(np.uint16))
    series = store.open(stored.digest)
    record = plan(series, forecaster="damped", digest=stored.digest, device="cpu", split=Split.of(12, 4))
    run = runs.create(record)
    forecast = series.frames[8:] + (np.arange(4) * 40 + 10).astype(np.uint16)[:, None, None, None]
    run.write_forecast(forecast)
    last = np.broadcast_to(series.frames[7], forecast.shape)
    run.write_summary({})
    forecasts = {"damped": forecast, "persistence": last}
    run.write_scores([curve for name, one in forecasts.items() for curve in score_test(name, one, series, record.split)])
    return Finished(run, series)


def in_the_fourth(workspace: Path, height: int, width: int) -> Finished:
    """Four channels, and a forecast that is wrong by 20 in the fourth alone, on the left half."""
    y, x = np.mgrid[:height, :width]
    planes = [[100 + 60 * np.sin((x + 2 * t) / (9 + c)) + 0 * y for c in range(4)] for t in range(12)]
    store, runs = SeriesStore(workspace), RunStore(workspace)
    stored = store.add("four", np.moveaxis(np.array(planes), 1, -1).round().astype(np.uint8))
    series = store.open(stored.digest)
    run = runs.create(plan(series, forecaster="damped", digest=stored.digest, device="cpu", split=Split.of(12, 4)))
    forecast = np.array(series.frames[8:])
    forecast[:, :, : width // 2, 3] += 20
    run.write_forecast(forecast)
    run.write_summary({})
    forecasts = {"damped": forecast, "persistence": np.broadcast_to(series.frames[7], forecast.shape)}
    split = run.record.split
    run.write_scores([curve for name, one in forecasts.items() for curve in score_test(name, one, series, split)])
    return Finished(run, series)


def finished(workspace: Path, frames: Frames, n_test: int) -> Finished:
    store, runs = SeriesStore(workspace), RunStore(workspace)
    stored = store.add("waves", frames)
    series = store.open(stored.digest)
    split = Split.of(len(frames), n_test)
    run = runs.create(plan(series, forecaster="damped", digest=stored.digest, device="cpu", split=split))
    for _ in carry_out(run.record, series, run):
        pass
    return Finished(run, series)


@pytest.fixture(scope="module")
def tab(browser: Browser, app_url: str) -> Iterator[Page]:
    """One tab for all tests here; each goes to the address that it needs."""
    context = patient(browser, height=1000)
    yield context.new_page()
    context.close()


@pytest.fixture(autouse=True)
def nothing_went_wrong(tab: Page, server_at_rest: None, server_workspace: Path) -> Iterator[None]:
    complaints: list[str] = []

    def listen(message: Any) -> None:
        if message.type == "error" and "_stcore" not in message.location.get("url", ""):
            complaints.append(message.text)

    def caught(error: Any) -> None:
        complaints.append(str(error))

    tab.on("console", listen)
    tab.on("pageerror", caught)
    yield
    tab.remove_listener("console", listen)
    tab.remove_listener("pageerror", caught)
    assert complaints == []
    assert not tracebacks(server_workspace.with_name("server.log").read_text())


@pytest.fixture
def player(tab: Page, app_url: str, small: Finished) -> Locator:
    return opened(tab, app_url, small)


def opened(tab: Page, app_url: str, what: Finished, more: str = "") -> Locator:
    tab.goto(f"{app_url}/compare?run={what.run.id}{more}")
    player = tab.locator(".player[data-shown]")
    expect(player).to_have_attribute("data-exact", "true")
    player.focus()
    return player


# ---- what is drawn


COLOUR = """(canvas, [x, y, width, height]) => {
  const [zoom, left, top] = JSON.parse(canvas.closest(".player").dataset.view ?? "[1,0,0]");
  const px = ((x + 0.5 - left) * zoom * canvas.width) / width;
  const py = ((y + 0.5 - top) * zoom * canvas.height) / height;
  return [...canvas.getContext("2d").getImageData(Math.floor(px), Math.floor(py), 1, 1).data.slice(0, 3)];
}"""


def colour(player: Locator, panel: int, x: int, y: int) -> list[int]:
    """The colour on the screen in the middle of a pixel of the frame, in panel 0, 1, ..."""
    return player.locator("canvas.picture").nth(panel).evaluate(COLOUR, [x, y, WIDTH, HEIGHT])


def test_panels_show_the_very_values(player: Locator, small: Finished) -> None:
    expect(player.locator("figcaption .name")).to_have_text(["Truth", TITLE, "Error"])
    for lead in (1, 2):
        for x, y in ((0, 0), (29, 23), (13, 7)):
            assert colour(player, 0, x, y) == small.truth[lead - 1, y, x].tolist()
            assert colour(player, 1, x, y) == small.run.forecast()[lead - 1, y, x].tolist()
        player.press("ArrowRight")


def test_keys_step_jump_and_play(tab: Page, player: Locator) -> None:
    for key, lead in (("ArrowRight", 2), ("End", HORIZON), ("ArrowLeft", HORIZON - 1), ("Home", -9), ("End", HORIZON)):
        player.press(key)
        expect(player).to_have_attribute("data-shown", str(lead))
    player.press(" ")
    expect(player).not_to_have_attribute("data-shown", str(HORIZON))
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    player.press(" ")
    expect(player.get_by_role("button", name="Play", exact=True)).to_be_visible()
    player.press("End")
    player.locator(".loop").uncheck()
    player.focus()
    player.press(" ")  # from the end it begins again, and without the loop it stays at the end
    expect(player).not_to_have_attribute("data-shown", str(HORIZON))
    expect(player.get_by_role("button", name="Play", exact=True)).to_be_visible()
    expect(player).to_have_attribute("data-shown", str(HORIZON))


SEEN = """(player) => {
  window.seen = new Set();
  const look = () => window.seen.add(player.dataset.shown);
  new MutationObserver(look).observe(player, { attributes: true, attributeFilter: ["data-shown"] });
}"""
"""All leads that are shown from now on, however seldom anybody looks from outside."""


def test_playing_asks_nothing_of_the_server_and_a_pause_tells_it_the_lead(tab: Page, player: Locator) -> None:
    sent: list[object] = []
    with tab.expect_websocket() as found:
        tab.reload()
    found.value.on("framesent", lambda content: sent.append(content))
    expect(player).to_have_attribute("data-exact", "true")
    tab.wait_for_timeout(1000)
    player.focus()
    sent.clear()
    player.evaluate(SEEN)
    player.press(" ")
    tab.wait_for_function("window.seen.size > 3")
    assert not sent
    player.press(" ")
    player.press("Home")
    player.press("End")
    expect(tab.get_by_text(re.compile(f"at lead {HORIZON}")).first).to_be_visible()
    assert sent


def test_dragging_the_slider_shows_frames_before_it_is_let_go(tab: Page, player: Locator) -> None:
    box = player.locator(".slider").bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] - 7, box["y"] + 10)
    tab.mouse.down()
    expect(player).to_have_attribute("data-shown", str(HORIZON))
    tab.mouse.move(box["x"] + 8, box["y"] + 10, steps=3)
    expect(player).to_have_attribute("data-shown", "-9")
    tab.mouse.up()


def test_best_median_and_worst_lead(player: Locator, small: Finished) -> None:
    (curve,) = [one for one in small.run.scores() if (one.forecaster, one.metric) == ("damped", "ssim")]
    order = np.argsort(-curve.values, kind="stable") + 1
    for name, lead in (("best", order[0]), ("median", order[(HORIZON - 1) // 2]), ("worst", order[-1])):
        player.get_by_role("button", name=name, exact=True).click()
        expect(player).to_have_attribute("data-shown", str(lead))


# ---- modes


def test_swipe_shows_truth_left_and_forecast_right_of_its_handle(tab: Page, player: Locator, small: Finished) -> None:
    player.press("s")
    handle = player.get_by_role("slider", name="Border between truth and forecast")
    expect(handle).to_be_visible()
    truth, forecast = (frames[0, 12] for frames in (small.truth, small.run.forecast()))
    assert colour(player, 0, 5, 12) == truth[5].tolist() and colour(player, 0, 25, 12) == forecast[25].tolist()
    handle.press("End")
    assert colour(player, 0, 25, 12) == truth[25].tolist()
    handle.press("Home")
    assert colour(player, 0, 5, 12) == forecast[5].tolist()
    handle.press("ArrowRight")
    expect(handle).to_have_attribute("aria-valuenow", "2")
    box, stage = handle.bounding_box(), player.locator("canvas.picture").bounding_box()
    assert box and stage
    tab.mouse.move(box["x"] + 10, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(stage["x"] + 0.75 * stage["width"], box["y"] + 20, steps=3)
    tab.mouse.up()
    expect(handle).to_have_attribute("aria-valuenow", re.compile("7[456]"))
    assert colour(player, 0, 5, 12) == truth[5].tolist() and colour(player, 0, 28, 12) == forecast[28].tolist()
    tab.keyboard.press(" ")  # the handle has the focus, and takes no more keys than its own
    expect(player).to_have_class(re.compile("playing"))
    tab.keyboard.press(" ")
    expect(player).not_to_have_class(re.compile("playing"))
    tab.keyboard.press("s")
    expect(player).to_have_attribute("data-mode", "side")
    tab.keyboard.press("d")
    expect(player).to_have_attribute("data-mode", "difference")
    tab.keyboard.press("d")


def test_blink_shows_truth_and_forecast_in_turn(player: Locator, small: Finished) -> None:
    player.press("b")
    truth, forecast = small.truth[0], small.run.forecast()[0]
    y, x = np.unravel_index(np.argmax(np.abs(truth[..., 0].astype(int) - forecast[..., 0])), (HEIGHT, WIDTH))
    wanted = {"truth": truth[y, x].tolist(), "forecast": forecast[y, x].tolist()}
    assert wanted["truth"] != wanted["forecast"]
    in_one_moment = f"(it, at) => [it.querySelector('.badge').textContent, ({COLOUR})(it.querySelector('canvas.picture'), at)]"
    turns: list[str] = []

    def three_turns() -> bool:
        said, found = player.evaluate(in_one_moment, [int(x), int(y), WIDTH, HEIGHT])
        if said in wanted:
            assert found == wanted[said]
            turns.extend([said] if turns[-1:] != [said] else [])
        return len(turns) == 3

    until(three_turns)
    player.get_by_role("button", name="Blink").click()
    expect(player).to_have_attribute("data-mode", "blink")


def test_difference_shows_the_errors_of_all(tab: Page, player: Locator) -> None:
    tab.get_by_text("Persistence beside it").click()
    names = player.locator("figcaption .name")
    expect(names).to_have_text(["Truth", TITLE, f"Error of {TITLE}", "Persistence"])
    player.focus()
    player.press("d")
    expect(names).to_have_text([f"Error of {TITLE}", "Error of Persistence"])
    expect(player).to_have_attribute("data-exact", "true")
    bars = player.locator(".ticks").all_inner_texts()
    assert bars[0] == bars[1]


def test_the_error_scale_is_a_percentile_of_all_errors_and_can_be_chosen(player: Locator, small: Finished) -> None:
    errors = (small.run.forecast().astype(float) - small.truth).mean(axis=-1)
    player.locator("summary").click()
    limit = player.get_by_label("End of the error scale")
    assert float(limit.input_value()) == pytest.approx(np.percentile(np.abs(errors), 99.5), rel=1e-3)
    y, x = np.unravel_index(np.argmax(np.abs(errors[0])), (HEIGHT, WIDTH))
    limit.fill(str(float(np.abs(errors[0]).max()) / 2))
    limit.press("Enter")
    expect(player.locator(".clipped").last).to_contain_text("clipped")
    red, _, blue = colour(player, 2, int(x), int(y))
    assert (red > blue + 100) == (errors[0, y, x] > 0)
    for kind in ("absolute", "squared"):
        player.get_by_label("Error", exact=True).select_option(kind)
        sizes = np.abs(small.run.forecast().astype(float) - small.truth)
        sizes = (sizes if kind == "absolute" else sizes**2).mean(axis=-1)
        assert float(limit.input_value()) == pytest.approx(np.percentile(sizes, 99.5), rel=1e-3)


def test_labels_of_a_scale_do_not_run_into_each_other(player: Locator) -> None:
    player.locator("summary").click()
    limit = player.get_by_label("End of the error scale")
    for end in ("1000", "4321000", "0.0004321"):
        limit.fill(end)
        limit.press("Enter")
        expect(limit).to_have_value(str(float(end)).removesuffix(".0"))
        shown = player.locator(".ticks").last.evaluate(
            """(ticks) => [...ticks.children].filter((one) => one.style.visibility !== "hidden").map((one) => {
                const { left, right } = one.getBoundingClientRect();
                return [left, right];
            })"""
        )
        assert len(shown) >= 3
        assert all(one[1] < after[0] for one, after in pairwise(shown)), end


def test_the_ssim_map_has_the_ssim_as_its_mean(player: Locator, small: Finished) -> None:
    player.get_by_label("Error", exact=True).select_option("ssim")
    expect(player).to_have_attribute("data-exact", "true")
    expect(player.locator("figcaption .name").last).to_have_text("SSIM map")
    hover(player, 0, 15, 12)
    expect(player.locator(".values").last).to_have_text(re.compile(r"^SSIM 0\.\d{4}$"))
    hover(player, 0, 1, 1)
    expect(player.locator(".values").last).to_have_text("no window fits here")


# ---- zoom


def test_zoom_and_pan_are_linked_and_pixels_stay_square(tab: Page, player: Locator, small: Finished) -> None:
    box = player.locator("canvas.picture").nth(0).bounding_box()
    assert box
    tab.mouse.move(box["x"] + box["width"] * (20.5 / WIDTH), box["y"] + box["height"] * (6.5 / HEIGHT))
    for _ in range(4):
        tab.mouse.wheel(0, -240)
    expect(player).to_have_attribute("data-view", re.compile(r"\["))
    zoom, left, top = view(player)
    assert zoom > 2 and left < 20.5 < left + WIDTH / zoom and top < 6.5 < top + HEIGHT / zoom
    for panel, frames in enumerate((small.truth, small.run.forecast())):
        assert colour(player, panel, 20, 6) == frames[0, 6, 20].tolist()  # nothing was smoothed
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5, steps=4)
    tab.mouse.up()
    assert view(player)[1] > left
    before = view(player)
    player.press("Shift+ArrowLeft")
    assert view(player)[1] < before[1]
    player.press("+")
    assert view(player)[0] == pytest.approx(before[0] * 1.5, rel=1e-3)
    player.press("-")
    player.press("z")
    assert view(player) == [1, 0, 0]
    expect(tab.locator(".js-plotly-plot").first).to_be_visible()


def view(player: Locator) -> list[float]:
    found: list[float] = json.loads(player.get_attribute("data-view") or "[1, 0, 0]")
    return found


def test_digits_show_one_panel_alone_and_f_fills_the_screen(tab: Page, player: Locator) -> None:
    player.press("2")
    expect(player.locator("figure:visible .name")).to_have_text([TITLE])
    player.press("0")
    expect(player.locator("figure:visible")).to_have_count(3)
    player.press("f")
    tab.wait_for_function("document.fullscreenElement !== null")
    player.press("f")
    tab.wait_for_function("document.fullscreenElement === null")


# ---- values


def hover(player: Locator, panel: int, x: int, y: int, size: tuple[int, int] = (HEIGHT, WIDTH)) -> None:
    canvas = player.locator("canvas.picture").nth(panel)
    box = canvas.bounding_box()
    assert box
    place = {"x": (x + 0.5) * box["width"] / size[1], "y": (y + 0.5) * box["height"] / size[0]}
    canvas.hover(position=place)


def test_hover_reads_exact_values_in_every_panel(player: Locator, small: Finished) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, y, panel = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)), int(rng.integers(3))
        hover(player, panel, x, y)
        truth, forecast = small.truth[0, y, x].astype(int), small.run.forecast()[0, y, x].astype(int)
        error = " ".join(f"{name} {signed(one)}" for name, one in zip("RGB", forecast - truth, strict=True))
        own = [" ".join(f"{name} {one}" for name, one in zip("RGB", values, strict=True)) for values in (truth, forecast)]
        expect(player.locator(".values")).to_have_text([own[0], f"{own[1]} · error {error}", f"error {error}"])
        expect(player.locator(".place")).to_have_text(f"x {x}, y {y}")


def signed(number: float) -> str:
    return f"+{number}" if number > 0 else f"−{-number}" if number < 0 else "0"


def test_what_is_large_plays_from_previews_and_rests_exact(tab: Page, app_url: str, deep: Finished) -> None:
    player = opened(tab, app_url, deep)
    player.locator("summary").click()
    for lead in (1, 2):
        hover(player, 1, 200, 100, DEEP)
        truth, forecast = (int(frames[lead - 1, 100, 200, 0]) for frames in (deep.truth, deep.run.forecast()))
        expect(player.locator(".values").nth(1)).to_have_text(f"{forecast} · error {signed(forecast - truth)}")
        expect(player.locator(".badge").first).to_have_text("")
        player.press("ArrowRight")
    player.press(" ")
    expect(player.locator(".badge").nth(2)).to_have_text("preview")
    player.press(" ")
    expect(player).to_have_attribute("data-exact", "true")
    low, high = player.get_by_label("Value drawn black"), player.get_by_label("Value drawn white")
    assert float(low.input_value()) == deep.series.frames.min() and float(high.input_value()) == deep.series.frames.max()
    player.press("End")
    expect(player).to_have_attribute("data-exact", "true")
    value = int(deep.truth[3, 100, 200, 0])
    low.fill(str(value - 100))
    high.fill(str(value + 100))
    high.press("Enter")
    middle = player.locator("canvas.picture").nth(0).evaluate(
        """(canvas) => { const [x, y] = [canvas.width * 200.5 / 260, canvas.height * 100.5 / 300].map(Math.floor);
            return canvas.getContext("2d").getImageData(x, y, 1, 1).data[0]; }"""
    )
    assert abs(middle - 127.5) < 12  # the canvas is smaller than the frame: neighbours are mixed in
    expect(player.locator(".clipped").first).to_contain_text("clipped")


def test_errors_of_a_fourth_channel_count(tab: Page, app_url: str, server_workspace: Path) -> None:
    player = opened(tab, app_url, in_the_fourth(server_workspace, HEIGHT, WIDTH))
    expect(player.locator(".notes").nth(2)).to_have_text("forecast minus truth, mean of channels")
    for error, limit in (("signed", 5), ("absolute", 5), ("squared", 100)):
        player.locator("select.error").select_option(error)
        expect(player.locator(".limit")).to_have_value(str(limit))  # of the mean of 0, 0, 0 and 20, or of its square
        left, right = colour(player, 2, 4, 12), colour(player, 2, 24, 12)
        lut = error_lut() if error == "signed" else spread_lut()
        assert left == lut[-1].tolist() and right == lut[128 if error == "signed" else 0].tolist()


def test_a_preview_of_errors_says_that_it_has_three_channels(tab: Page, app_url: str, server_workspace: Path) -> None:
    player = opened(tab, app_url, in_the_fourth(server_workspace, *DEEP))
    note, badge = player.locator(".notes").nth(2), player.locator(".badge").nth(2)
    expect(note).to_have_text("forecast minus truth, mean of channels")
    player.press(" ")
    expect(badge).to_have_text("preview")
    expect(note).to_have_text("forecast minus truth, mean of the first three channels")
    player.press(" ")
    expect(player).to_have_attribute("data-exact", "true")
    expect(note).to_have_text("forecast minus truth, mean of channels")


def test_a_fourth_channel_can_be_looked_at_alone(tab: Page, app_url: str, server_workspace: Path) -> None:
    made = in_the_fourth(server_workspace, HEIGHT, WIDTH)
    player = opened(tab, app_url, made)
    notes = player.locator(".notes")
    expect(notes.nth(0)).to_have_text("channels 1 to 3 of 4")
    player.get_by_label("Channels").select_option("3")
    expect(notes.nth(0)).to_have_text("channel 4")
    expect(player.locator(".limit")).to_have_value("20")  # the whole error lies in it
    left, right = colour(player, 2, 4, 12), colour(player, 2, 24, 12)
    assert left == error_lut()[-1].tolist() and right == error_lut()[128].tolist()
    darkest = int(made.series.frames[8, 12, : WIDTH // 2, 3].argmin())
    truth, forecast = colour(player, 0, darkest, 12), colour(player, 1, darkest, 12)
    assert len(set(truth)) == len(set(forecast)) == 1 and forecast[0] > truth[0], "grey, as one channel is"
    player.get_by_label("Channels").select_option("0")
    expect(notes.nth(0)).to_have_text("channel R")
    player.locator("canvas.picture").nth(1).click()
    expect(tab.get_by_text(re.compile(r"Pixel x \d+, y \d+, R"))).to_be_visible()
    player.get_by_label("Channels").select_option("3")
    expect(tab.get_by_text(re.compile(r"Pixel x \d+, y \d+, channel 4"))).to_be_visible()


def test_a_preview_says_where_a_fourth_channel_is_to_be_seen(tab: Page, app_url: str, server_workspace: Path) -> None:
    player = opened(tab, app_url, in_the_fourth(server_workspace, *DEEP))
    player.get_by_label("Channels").select_option("3")
    expect(player).to_have_attribute("data-exact", "true")
    player.press(" ")
    for panel in range(3):
        expect(player.locator(".notes").nth(panel)).to_have_text("channel 4 is drawn when you pause")
    player.press(" ")
    expect(player).to_have_attribute("data-exact", "true")
    expect(player.locator(".notes").nth(2)).to_have_text("forecast minus truth")


def test_a_click_pins_a_pixel_and_the_chart_below_moves_the_player(tab: Page, player: Locator, small: Finished) -> None:
    canvas = player.locator("canvas.picture").nth(1)
    box = canvas.bounding_box()
    assert box
    player.locator("summary").click()
    field = player.get_by_label("Pixel x", exact=True)
    field.press("5")
    field.press("Backspace")  # typed and taken back: no change, and the field goes on to tell
    canvas.click(position={"x": 7.5 * box["width"] / WIDTH, "y": 9.5 * box["height"] / HEIGHT})
    expect(tab.get_by_text("Pixel x 7, y 9, mean of channels")).to_be_visible()
    expect(field).to_have_value("7")
    chart = tab.locator(".st-key-pixel_" + small.run.id + " .js-plotly-plot").last
    expect(chart).to_be_visible()
    traces = chart.evaluate("(plot) => plot._fullData.map((trace) => [trace.name, Array.from(trace.x), Array.from(trace.y)])")
    assert [trace[0] for trace in traces] == ["Truth", TITLE]
    assert traces[0][1] == list(range(1, N_FRAMES + 1)) and traces[1][1] == list(range(ORIGIN + 1, N_FRAMES + 1))
    assert traces[0][2] == pytest.approx(small.series.frames[:, 9, 7].astype(float).mean(axis=-1).tolist())
    assert traces[1][2] == pytest.approx(small.run.forecast()[:, 9, 7].astype(float).mean(axis=-1).tolist())
    player.get_by_label("Channels").select_option("0")
    expect(tab.get_by_text("Pixel x 7, y 9, R")).to_be_visible()
    expect(tab.locator(".st-key-pixel_" + small.run.id + " .js-plotly-plot")).to_have_count(1)
    drawn(tab)
    chart.scroll_into_view_if_needed()
    place = chart.evaluate(
        """(plot) => { const {xaxis, yaxis} = plot._fullLayout, trace = plot._fullData[1], box = plot.getBoundingClientRect();
            return [box.left + xaxis._offset + xaxis.d2p(trace.x[3]), box.top + yaxis._offset + yaxis.d2p(trace.y[3])]; }"""
    )
    tab.mouse.click(*place)
    expect(player).to_have_attribute("data-shown", "4")
    player.get_by_role("button", name="Take out").click()
    expect(chart).to_have_count(0)


def test_a_rectangle_is_scored(tab: Page, player: Locator, small: Finished) -> None:
    player.get_by_role("button", name="Rectangle", exact=True).click()
    box = player.locator("canvas.picture").nth(0).bounding_box()
    assert box
    at = lambda x, y: (box["x"] + (x + 0.5) * box["width"] / WIDTH, box["y"] + (y + 0.5) * box["height"] / HEIGHT)  # noqa: E731
    tab.mouse.move(*at(4, 5))
    tab.mouse.down()
    tab.mouse.move(*at(18, 20), steps=5)
    tab.mouse.up()
    expect(tab.get_by_text("Inside the rectangle x 4 to 18, y 5 to 20 (15 × 16 px)")).to_be_visible()
    check_region(tab, small, slice(5, 21), slice(4, 19))
    player.locator("summary").click()
    for name, number in (("x", 0), ("y", 0), ("width", 12), ("height", 11)):
        player.get_by_label(f"Rectangle {name}", exact=True).fill(str(number))
    player.get_by_role("button", name="Score").press("Enter")  # and by keyboard alone
    expect(tab.get_by_text("Inside the rectangle x 0 to 11, y 0 to 10 (12 × 11 px)")).to_be_visible()
    check_region(tab, small, slice(0, 11), slice(0, 12))


def check_region(tab: Page, small: Finished, rows: slice, columns: slice) -> None:
    inside = (slice(None), rows, columns)
    curves = score("", small.run.forecast()[inside], small.truth[inside], origin=ORIGIN - 1, data_range=255.0,
                   metrics=("ssim", "psnr", "mse", "mae"))  # fmt: skip
    cells = tab.locator("table", has_text="Inside the rectangle").locator("tbody tr").first.locator("td")
    expect(cells).to_have_count(len(curves))  # the words above it stand a moment before the table does
    for cell, curve in zip(cells.all_inner_texts(), curves, strict=True):
        at, mean = (float(number.replace(",", "")) for number in re.findall(r"[\d.,]+", cell))
        assert at == pytest.approx(curve.values[0], rel=2e-3) and mean == pytest.approx(curve.values.mean(), rel=2e-3)


# ---- where it is, and for whom


def test_the_address_opens_the_same_view_again(tab: Page, app_url: str, small: Finished) -> None:
    player = opened(tab, app_url, small, "&lead=5&mode=swipe")
    expect(player).to_have_attribute("data-shown", "5")
    expect(player).to_have_attribute("data-mode", "swipe")
    expect(tab.get_by_text(re.compile("at lead 5")).first).to_be_visible()
    player.press("ArrowLeft")
    player.press("d")
    expect(tab).to_have_url(re.compile(r"lead=4&mode=difference"))
    tab.reload()
    expect(player).to_have_attribute("data-shown", "4")
    expect(player).to_have_attribute("data-mode", "difference")


def test_who_comes_back_finds_the_player_as_it_was_left(tab: Page, app_url: str, small: Finished) -> None:
    player = opened(tab, app_url, small, "&lead=2")
    expect(player).to_have_attribute("data-shown", "2")
    player.press("ArrowRight")
    player.press("ArrowRight")
    player.press("d")
    player.locator(".error").select_option("absolute")
    player.get_by_label("Channels").select_option("1")
    player.locator("summary").click()
    for label, value in (("End of the error scale", "31"), ("Value drawn black", "20")):
        player.get_by_label(label).fill(value)
        player.get_by_label(label).press("Enter")
    player.press("+")
    player.press("Shift+ArrowRight")
    looked = view(player)
    assert looked[0] == 1.5 and looked[1] > 0
    tab.get_by_text("Persistence beside it").click()
    expect(player.locator("figcaption .name")).to_have_count(2)
    expect(tab.get_by_text("at lead 4").first).to_be_visible()
    expect(tab).to_have_url(re.compile("mode=difference"))
    drawn(tab)
    for page in ("Runs", "Compare"):
        tab.get_by_role("link", name=page, exact=True).first.click()
        expect(tab.get_by_role("heading", name=page, exact=True)).to_be_visible()
    expect(player).to_have_attribute("data-shown", "4")
    expect(player).to_have_attribute("data-mode", "difference")
    expect(player.locator("figcaption .name")).to_have_count(2)
    expect(player.locator(".error")).to_have_value("absolute")
    expect(player.get_by_label("Channels")).to_have_value("1")
    assert view(player) == looked
    expect(player.locator(".zoom")).to_have_text("1.5×")
    player.locator("summary").click()
    expect(player.get_by_label("End of the error scale")).to_have_value("31")
    expect(player.get_by_label("Value drawn black")).to_have_value("20")
    expect(tab.get_by_text("at lead 4").first).to_be_visible()
    player.press("ArrowRight")
    expect(tab.get_by_text("at lead 5").first).to_be_visible()  # and it is listened to


def test_a_line_of_pixels_is_stretched_until_it_is_seen(tab: Page, app_url: str, server_workspace: Path) -> None:
    x = np.arange(300)
    frames = np.stack([120 + 60 * np.sin((x + 2 * t) / 9) for t in range(N_FRAMES)]).round().astype(np.uint8)
    player = opened(tab, app_url, finished(server_workspace, frames[:, None, :, None], HORIZON))
    box = player.locator("canvas.picture").first.bounding_box()
    assert box and box["height"] == pytest.approx(40, abs=1)
    hover(player, 0, 200, 0, (1, 300))
    expect(player.locator(".place")).to_have_text("x 200, y 0")
    expect(player.locator(".note")).to_have_text("drawn higher than it is")


def test_history_runs_into_the_forecast(tab: Page, player: Locator, small: Finished) -> None:
    expect(player.locator(".origin")).to_be_visible()
    player.press("ArrowLeft")
    expect(player.locator(".caption")).to_have_text(f"Observed · frame {ORIGIN}")
    expect(player.locator(".badge").nth(1)).to_have_text("observed")
    last = small.series.frames[ORIGIN - 1, 3, 4].tolist()
    assert colour(player, 0, 4, 3) == last and colour(player, 1, 4, 3) == last
    player.locator("canvas.picture").first.hover()
    observed = re.compile(r"^R \d+ G \d+ B \d+$")
    expect(player.locator(".values")).to_have_text([observed, observed, ""])  # an observed frame has no error
    player.locator("summary").click()
    field = player.get_by_label("Observed frames played before the forecast")
    field.fill("3")
    field.press("Enter")
    player.focus()
    player.press("Home")
    expect(player.locator(".caption")).to_have_text(f"Observed · frame {ORIGIN - 2}")


def test_every_picture_says_what_it_shows(player: Locator) -> None:
    player.press("ArrowRight")
    labels = [player.locator("canvas.picture").nth(panel).get_attribute("aria-label") for panel in range(3)]
    assert labels[0] == f"Truth, Lead 2 of {HORIZON} · frame {ORIGIN + 2}"
    assert labels[1] and labels[1].startswith(f"{TITLE}, Lead 2") and labels[2] and "signed" in labels[2]


def test_plain_pictures_stand_in_for_the_player(tab: Page, player: Locator, small: Finished) -> None:
    tab.get_by_text("Plain pictures").click()
    image = tab.get_by_test_id("stImage").locator("img").first
    expect(image).to_be_visible()
    expect(player).to_have_count(0)
    pixel = image.evaluate(
        """async (image) => {
            await image.decode();
            const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
            const context = canvas.getContext("2d"); context.drawImage(image, 0, 0);
            return [...context.getImageData(5, 5, 1, 1).data.slice(0, 3)]; }"""
    )
    assert pixel == small.truth[0, 0, 0].tolist()
    tab.get_by_text("Plain pictures").click()


COUNTED = """
window.drawn = 0;
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (...what) { window.drawn++; return draw.apply(this, what); };
const decode = window.createImageBitmap;
window.undecoded = 0;
window.createImageBitmap = (...what) => {
  window.undecoded++;
  return decode(...what).finally(() => window.undecoded--);
};
"""
QUIET = """() => {
  const [now, stands] = [performance.now(), `${window.drawn} ${window.undecoded}`];
  if (window.undecoded || window.stood !== stands) [window.stood, window.since] = [stands, now];
  return now - window.since > 1500;
}"""
"""Nothing is decoded, and nothing was drawn for a while."""


def test_what_is_decoded_in_advance_does_not_draw_the_panels_again(browser: Browser, app_url: str, deep: Finished) -> None:
    context = patient(browser, height=1000)
    page = context.new_page()
    page.add_init_script(COUNTED)
    player = opened(page, app_url, deep)
    player.locator("summary").click()
    page.wait_for_function(QUIET)
    page.evaluate("window.drawn = 0")
    player.get_by_label("Value drawn white").fill("2000")
    player.get_by_label("Value drawn white").press("Enter")
    page.wait_for_function("window.drawn")
    page.wait_for_function(QUIET)
    assert 3 <= page.evaluate("window.drawn") <= 2 * 3
    player.focus()
    player.press("End")  # and what was decoded is there
    assert player.get_attribute("data-shown") == "4"
    context.close()


SLOW_TO_DECODE = """
window.undecoded = 0;
const decode = window.createImageBitmap;
window.createImageBitmap = async (blob) => {
  window.undecoded++;
  await new Promise((done) => setTimeout(done, 500));
  window.undecoded--;
  return decode(blob);
};
"""
WHAT_THE_FIRST_PLAYED_FRAME_FINDS = """
(player) => new Promise((done) => {
  const [lead, notes] = [player.dataset.shown, new Set()];
  const look = () => {
    notes.add(player.querySelector(".note").textContent);
    player.dataset.shown === lead ? requestAnimationFrame(look) : done([window.undecoded, [...notes]]);
  };
  player.querySelector("[data-do=play]").click();
  look();
})
"""


def test_playing_begins_once_the_frames_ahead_are_decoded(browser: Browser, app_url: str, deep: Finished) -> None:
    context = patient(browser, height=1000)
    page = context.new_page()
    page.add_init_script(SLOW_TO_DECODE)
    page.goto(f"{app_url}/compare?run={deep.run.id}")
    player = page.locator(".player[data-shown]")
    player.get_by_label("Frames per second").select_option("60")
    undecoded, notes = player.evaluate(WHAT_THE_FIRST_PLAYED_FRAME_FINDS)
    assert undecoded == 0
    assert all(re.fullmatch(r"loading \d+ of 11|", note) for note in notes), notes  # none where all came before the click
    context.close()


LOSING = """
window.framecastPosts = new Map();
window.lost = 3;
window.framecastPosts.set = function (name, post) {
  let deliver = null;
  Object.defineProperty(post, "deliver", {
    get: () => (deliver && window.lost > 0 ? () => window.lost-- : deliver),
    set: (found) => (deliver = found),
  });
  post.waiting.push = () => window.lost--;
  return Map.prototype.set.call(this, name, post);
};
"""


def test_what_was_lost_on_the_way_is_asked_for_again(browser: Browser, app_url: str, small: Finished) -> None:
    context = patient(browser, height=1000)
    page = context.new_page()
    page.add_init_script(LOSING)
    player = opened(page, app_url, small)
    assert page.evaluate("window.lost") <= 0
    for lead in range(1, HORIZON + 1):
        expect(player).to_have_attribute("data-shown", str(lead))
        page.keyboard.press("ArrowRight")
    context.close()


LOSING_HISTORY = """
window.framecastPosts = new Map();
const isHistory = (data) => {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const { parts } = JSON.parse(new TextDecoder().decode(data.subarray(4, 4 + length)));
  return parts.some(({ source, form, first }) => source === "truth" && form === "values" && first < 1);
};
const loses = (data) => !window.lost && isHistory(data) && (window.lost = true);
window.framecastPosts.set = function (name, post) {
  let deliver = null;
  Object.defineProperty(post, "deliver", {
    get: () => deliver && ((data) => loses(data) || deliver(data)),
    set: (found) => (deliver = found),
  });
  post.waiting.push = (data) => loses(data) || Array.prototype.push.call(post.waiting, data);
  return Map.prototype.set.call(this, name, post);
};
"""


COMES_TO = """(player, [shown, withinMs]) => new Promise((came, never) => {
  new MutationObserver(() => player.dataset.shown === shown && came()).observe(player, { attributes: true });
  setTimeout(() => never(`It stands at ${player.dataset.shown}.`), withinMs);
})"""
"""A frame that is passed by in a moment is seen here, however seldom anybody looks from outside."""


def test_a_player_that_plays_asks_again_for_what_was_lost(browser: Browser, app_url: str, small: Finished) -> None:
    context = patient(browser, height=1000)
    page = context.new_page()
    page.add_init_script(LOSING_HISTORY)
    page.goto(f"{app_url}/compare?run={small.run.id}")
    player = page.locator(".player[data-shown]")
    player.focus()
    player.press(" ")
    page.wait_for_function("window.lost")
    player.evaluate(COMES_TO, ["-9", PATIENCE_MS])  # the film goes on from its beginning
    expect(player.get_by_role("button", name="Pause")).to_be_visible()
    context.close()


def test_a_rerun_sends_nothing_twice(browser: Browser, app_url: str, deep: Finished) -> None:
    context = patient(browser, height=1000)
    page = context.new_page()
    received = [0]

    def count(content: str | bytes) -> None:
        received[0] += len(content)

    page.on("websocket", lambda websocket: websocket.on("framereceived", count))
    opened(page, app_url, deep)
    all_received(page, received)
    first, received[0] = received[0], 0
    page.evaluate(RUNS)
    page.get_by_role("heading", name="Compare", exact=True).click()
    page.keyboard.press("r")  # Streamlit's own key for drawing the whole page anew
    page.wait_for_function("window.ran")
    all_received(page, received)
    assert 0 < received[0] < first / 4, (received[0], first)
    context.close()


RUNS = """() => {
  const app = document.querySelector("[data-testid=stApp]");
  const look = () => (window.ran ||= app.dataset.testScriptState === "running");
  new MutationObserver(look).observe(app, { attributes: true, attributeFilter: ["data-test-script-state"] });
}"""


def all_received(page: Page, received: list[int]) -> None:
    """Wait until nothing has come for a while."""
    drawn(page)
    before = -1
    while received[0] != before:
        before = received[0]
        page.wait_for_timeout(1500)
