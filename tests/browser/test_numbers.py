"""Below the player in a real browser: a click on a curve or on the scorecard moves the player, and so does a finding."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from framecast.runs.experiment import carry_out, plan
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore
from tests.browser.conftest import drawn, tracebacks

pytestmark = [pytest.mark.browser, pytest.mark.slow]

POINT = """(element, [kind, index]) => {
    const trace = element._fullData.find(one => one.type === "scatter" && one.mode.includes(kind));
    const frame = element._fullLayout;
    const box = element.getBoundingClientRect();
    return {x: box.x + frame.xaxis._offset + frame.xaxis.d2p(trace.x[index]),
            y: box.y + frame.yaxis._offset + frame.yaxis.d2p(trace.y[index]), lead: trace.x[index]};
}"""


@pytest.fixture(autouse=True)
def nothing_went_wrong(complaints: list[str], server_workspace: Path) -> Iterator[None]:
    yield
    assert complaints == []
    said = server_workspace.with_name("server.log").read_text()
    assert not tracebacks(said)
    assert "ragment with id" not in said, f"A click found nothing that answers it: {said}"


@pytest.fixture(scope="module")
def run(server_workspace: Path) -> Run:
    """The last frame repeated, of a blob that moves: 30 frames, the last 6 the test."""
    y, x = np.mgrid[:24, :32]
    frames = [200 * np.exp(-((x - 5 - 0.7 * t) ** 2 + (y - 12) ** 2) / 9) for t in range(30)]
    store = SeriesStore(server_workspace)
    stored = store.add("moving blob", np.stack(frames)[..., None].astype(np.uint8))
    record = plan(store.open(stored.digest), forecaster="persistence", digest=stored.digest, device="cpu")
    made = RunStore(server_workspace).create(record)
    for _ in carry_out(record, store.open(stored.digest), made):
        pass
    return made


def test_a_click_on_a_curve_on_the_card_or_on_a_finding_shows_that_lead(page: Page, app_url: str, run: Run) -> None:
    page.goto(f"{app_url}/compare?run={run.id}")
    shown(page, 1)
    views = page.get_by_test_id("stButtonGroup")  # a choice among them draws them alone, and they follow the player
    for lead in (3, 5, 2, 6, 4):  # a click on a view comes while the page may still draw what the curve asked for
        click(page, "curves", "lines", lead - 1)
        shown(page, lead)
        views.get_by_text("Detail and errors of this lead", exact=True).click()
        expect(page.get_by_text(f"Errors at lead {lead}", exact=True)).to_be_visible()
        views.get_by_text("Skill scorecard", exact=True).click()
        shown(page, lead)
    click(page, "scorecard", "markers", 1)
    shown(page, 2)
    frozen = page.locator(".st-key-finding_frozen")
    expect(frozen.get_by_text("the picture stands still")).to_be_visible()
    frozen.get_by_role("button", name="Lead 1").click()
    shown(page, 1)


def shown(page: Page, lead: int) -> None:
    expect(page.get_by_text(f"SSIM at lead {lead}", exact=True)).to_be_visible()
    expect(page.get_by_text(f"Lead {lead} of 6").first).to_be_visible()


def click(page: Page, chart: str, kind: str, index: int) -> None:
    plot = page.locator(f"[class*=st-key-{chart}_] .js-plotly-plot")
    drawn(page)
    plot.scroll_into_view_if_needed()
    expect(plot.locator(".main-svg").first).to_be_visible()
    point = plot.evaluate(POINT, [kind, index])
    assert point["lead"] == index + 1
    page.mouse.move(point["x"] - 2, point["y"])
    page.mouse.move(point["x"], point["y"])
    page.mouse.click(point["x"], point["y"])
