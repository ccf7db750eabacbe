"""The report in a browser that has no network: it plays, steps, swipes, blinks, and knows where it is."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from framecast.export import KINDS, Asked, Evidence
from framecast.series.store import SeriesStore
from tests.browser.conftest import patient
from tests.export.conftest import NAME, blob, finished_run

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("report")
    evidence = Evidence.of(finished_run(workspace, blob(40)), SeriesStore(workspace))
    path = workspace / "report.html"
    path.write_bytes(KINDS["report"].make(evidence, Asked()))
    return path


@pytest.fixture
def page(browser: Browser, report: Path) -> Page:
    context = patient(browser, offline=True)
    page = context.new_page()
    page.complaints = []  # type: ignore[attr-defined]
    page.on("console", lambda message: page.complaints.append(message.text))  # type: ignore[attr-defined]
    page.on("pageerror", lambda error: page.complaints.append(str(error)))  # type: ignore[attr-defined]
    page.on("request", lambda asked: asked.url.startswith(("file:", "data:")) or page.complaints.append(asked.url))  # type: ignore[attr-defined]
    page.goto(report.as_uri())
    yield page
    assert page.complaints == []  # type: ignore[attr-defined]
    context.close()


def test_names_are_shown_as_they_are_and_run_nothing(page: Page) -> None:
    expect(page.locator("h1")).to_have_text(f"Climatology on {NAME}")
    expect(page).to_have_title(f"Climatology on {NAME}")


def test_keys_step_jump_blink_and_swipe(page: Page) -> None:
    caption, player = page.locator("#caption"), page.locator("#player")
    expect(caption).to_have_text("lead 1, frame 33")
    player.press("ArrowRight")
    expect(caption).to_have_text("lead 2, frame 34")
    player.press("End")
    expect(caption).to_have_text("lead 8, frame 40")
    player.press("Home")
    expect(caption).to_have_text("observed, frame 21")
    player.press("End")
    player.press("s")
    expect(page.locator(".handle").first).to_be_visible()
    place = page.locator(".handle").first.evaluate("handle => handle.style.left")
    player.press("Shift+ArrowLeft")
    assert page.locator(".handle").first.evaluate("handle => handle.style.left") != place
    player.press("b")
    expect(page.locator(".panels figcaption").first).to_have_text("Climatology")  # within half a second it is its turn
    expect(page.locator(".panels figcaption").first).to_have_text("Truth")


def test_it_plays_and_pauses(page: Page) -> None:
    page.locator("#speed").select_option("25")
    page.locator("#player").press(" ")
    expect(page.locator("#play")).to_have_text("Pause")
    expect(page.locator("#caption")).to_have_text("lead 5, frame 37")
    page.locator("#play").click()
    expect(page.locator("#play")).to_have_text("Play")


def test_a_click_on_a_curve_moves_the_player(page: Page) -> None:
    chart = page.locator(".chart").first
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] * 0.984, "y": box["height"] / 2})
    expect(page.locator("#caption")).to_have_text("lead 8, frame 40")
    chart.click(position={"x": box["width"] * 0.091, "y": box["height"] / 2})
    expect(page.locator("#caption")).to_have_text("lead 1, frame 33")


def test_pictures_and_charts_have_words(page: Page) -> None:
    for image in page.locator(".panels img:visible").all():
        assert "lead 1, frame 33" in (image.get_attribute("alt") or "")
    for chart in page.locator(".chart").all():
        assert (chart.get_attribute("aria-label") or "").startswith(("SSIM", "PSNR", "MSE", "MAE"))
