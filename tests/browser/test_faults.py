"""What people do to a run while it trains, in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from framecast.runs.store import RunStore

from .serving import ready_run, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG_MS = 300_000
STOP = re.compile("Stop and keep the best")


def open_run(browser: Browser, url: str, run_id: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{url}/train?run={run_id}")
    return page


def sees_it_train(page: Page) -> None:
    expect(page.get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)


def test_closing_reloading_two_tabs_page_switches_and_two_stops_leave_one_run(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    run = ready_run(workspace, epochs=100_000)
    with serving(workspace, feeding=True) as (url, _):
        page = open_run(browser, url, run.id)
        sees_it_train(page)
        page.context.close()  # the browser is closed, and opened again

        tabs = [open_run(browser, url, run.id) for _ in range(2)]
        for tab in tabs:
            expect(tab.get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)
        tabs[0].reload()
        expect(tabs[0].get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)
        for name in ("Series", "Train"):
            tabs[1].get_by_role("link", name=name, exact=True).click()
            expect(tabs[1].get_by_role("heading", name=name, exact=True)).to_be_visible(timeout=LONG_MS)
        expect(tabs[1].get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)
        assert run.state == "interrupted" and len(run.progress()) > 0, "it trained all the while"

        for tab in tabs:  # two people, at once: neither waits for the other's page
            tab.get_by_role("button", name=STOP).dispatch_event("click")
        for tab in tabs:
            expect(tab.get_by_text("Stopped", exact=False).first).to_be_visible(timeout=LONG_MS)
            tab.context.close()
    (only,) = RunStore(workspace).runs()
    assert only.id == run.id and run.state == "finished" and run.summary()["stopped_early"]
    steps = [(line["stage"], line["step"]) for line in run.progress() if line["epoch_done"]]
    assert len(steps) == len(set(steps)), "no epoch twice"
