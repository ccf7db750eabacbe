"""What a person does to a run while it trains, and what a machine does to the server, in a real browser."""

import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from framecast.runs.store import Run, RunStore

from .conftest import click, patient
from .serving import ready_run, serving
from .waiting import PATIENCE_S, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG_MS = 1000 * PATIENCE_S
STOP = re.compile("Stop and keep the best")


def open_run(browser: Browser, url: str, run_id: str) -> Page:
    page = patient(browser).new_page()
    page.goto(f"{url}/train?run={run_id}")
    return page


def test_closing_reloading_two_tabs_page_switches_and_two_stops_leave_one_run(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    run = ready_run(workspace, epochs=100_000)
    with serving(workspace, feeding=True) as (url, _):
        page = open_run(browser, url, run.id)
        expect(page.get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)
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
        tabs[0].get_by_role("heading", name="Train", exact=True).click()
        for _ in range(300):  # reruns, as many as a person may ask for in a minute
            tabs[0].keyboard.press("r")
        expect(tabs[0].get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)
        expect(tabs[0].get_by_test_id("stException")).to_have_count(0)
        assert run.state == "interrupted" and len(run.progress()) > 0, "it trained all the while"

        buttons = [tab.get_by_role("button", name=STOP).element_handle() for tab in tabs]
        for stop in buttons:  # two people, at once: neither waits for the other's page, on which it says "Stopping ..." by now
            stop.dispatch_event("click")
        for tab in tabs:
            expect(tab.get_by_text("Stopped", exact=False).first).to_be_visible(timeout=LONG_MS)
            tab.context.close()
    (only,) = RunStore(workspace).runs()
    assert only.id == run.id and run.state == "finished" and run.summary()["stopped_early"]
    assert no_epoch_twice(run)


def test_a_server_that_is_ended_keeps_the_run_and_resume_goes_on(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    run = ready_run(workspace, epochs=100_000)
    n_kept = 0
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        with serving(workspace, changed="pass") as (url, server):
            page = open_run(browser, url, run.id)
            resume(page, begun=n_kept > 0)
            until(lambda: len(run.progress()) > n_kept + 1)  # noqa: B023
            asked = time.monotonic()
            server.send_signal(number)
            server.wait(PATIENCE_S)
            print(f"gone {time.monotonic() - asked:.1f} s after {number.name}")
            page.context.close()
        assert run.state == "interrupted" and run.holder() is None and run.error() is None
        checkpoint = run.checkpoint()
        assert checkpoint is not None
        if number != signal.SIGKILL:
            assert checkpoint[1]["n_lines"] == len(run.progress()), "no finished epoch is lost"
        assert checkpoint[1]["n_lines"] > n_kept, "it went on, not back"
        n_kept = checkpoint[1]["n_lines"]

    with serving(workspace, changed="pass") as (url, _):  # the one that was killed, too, goes on and comes to a good end
        page = open_run(browser, url, run.id)
        resume(page, begun=True)
        until(lambda: len(run.progress()) > n_kept + 1)
        click(page.get_by_role("button", name=STOP))
        expect(page.get_by_text("Stopped", exact=False).first).to_be_visible(timeout=LONG_MS)
        page.context.close()
    assert run.state == "finished"
    assert no_epoch_twice(run)


def resume(page: Page, *, begun: bool) -> None:
    """The page tells whether the run was interrupted or has not begun; the one click that goes on is there, and does."""
    sentence = "What it had learned is kept" if begun else "This run has not begun"
    expect(page.get_by_text(sentence)).to_be_visible(timeout=LONG_MS)
    click(page.get_by_role("button", name="Resume", exact=True))
    expect(page.get_by_role("button", name=STOP)).to_be_visible(timeout=LONG_MS)


def no_epoch_twice(run: Run) -> bool:
    steps = [(line["stage"], line["step"]) for line in run.progress() if line["epoch_done"]]
    return len(steps) == len(set(steps)) > 0
