"""What a person does with runs, by mouse: a setting that is too big, a clone and its differences, more training, the way to
another machine and back, the trash and cleaning up; and the queue of one server, which a second one looks at."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from framecast.runs.experiment import carry_out
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore

from .conftest import click, drawn, patient
from .serving import ready_run, serving
from .waiting import PATIENCE_S, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LONG_MS = 1000 * PATIENCE_S
STOP = re.compile("Stop and keep the best")
ENOUGH = "preflight.available_bytes = lambda device: 48 * 2**20"
"""Memory that a batch of a few dozen tiny windows fits in, and one of thousands does not."""
ENDLESS_SCORING = """
from framecast.leaving import may_be_left
from framecast.runs import experiment

own = experiment.native_forecast

def endless(rule, series, origin, n_steps, title):
    while title == "Optical flow":
        may_be_left()
        time.sleep(0.01)
    return own(rule, series, origin, n_steps, title)

experiment.native_forecast = endless
"""
"""One rule forecasts until it is left, as on a series so large that nobody waits for it."""


def test_runs_are_gone_on_with_cloned_compared_taken_along_and_cleared_away(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    done = ready_run(workspace, title="Once", epochs=1)
    list(carry_out(done.record, SeriesStore(workspace).open(done.record.series), done))
    with serving(workspace, changed=ENOUGH) as (url, _):
        page = tab(browser)
        page.goto(f"{url}/train?run={done.id}")
        more_training(page, done)
        go(page, "Runs")
        clone = cloned_and_compared(page, workspace, done)
        taken_along_and_back(page, clone, tmp_path)
        cleaned_up(page, done)
        of_another = tab(browser)  # a browser that knows nothing but the address
        of_another.goto(f"{url}/compare?run={done.id}")
        expect(of_another.get_by_role("combobox", name="Run", exact=True)).to_have_value(re.compile("^Once · "))
        page.context.close()
        of_another.context.close()


def test_the_queue_is_put_in_order_and_a_second_server_looks_on(browser: Browser, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    first, second, third = (ready_run(workspace, title=f"Run {n}", seed=n, epochs=100_000) for n in (1, 2, 3))
    with serving(workspace, changed=ENDLESS_SCORING) as (url, _):
        page = tab(browser)
        for run in (first, second, third):
            page.goto(f"{url}/train?run={run.id}")
            click(button(page, "Resume"))
            expect(button(page, "Pause")).to_be_visible()
        expect(page.locator(".st-key-queue").get_by_text("1 run at work, 2 waiting")).to_be_visible()
        click(icon(page, "next", third))
        expect(icon(page, "next", third)).to_be_disabled()  # it is the next
        click(icon(page, "down", third))
        expect(icon(page, "next", second)).to_be_disabled()
        click(icon(page, "remove", third))
        expect(icon(page, "remove", third)).to_have_count(0)
        until(lambda: third.holder() is None)  # the page asks, too, which holds it for a moment
        assert third.state == "interrupted"

        show(page, first)
        click(icon(page, "pause_run", first))
        expect(icon(page, "next", second)).to_have_count(0)  # it has the device now
        until(lambda: len(second.progress()) > 0)
        with serving(workspace) as (elsewhere, _):
            onlooker = tab(browser)
            onlooker.goto(f"{elsewhere}/train?run={second.id}")
            expect(onlooker.get_by_text("This run is at work in process")).to_be_visible()
            expect(button(onlooker, STOP)).to_have_count(0)
            finished_at_once(page, second)
            expect(onlooker.get_by_text(re.compile("^Stopped")).first).to_be_visible(timeout=LONG_MS)
            onlooker.context.close()

        show(page, first)
        click(icon(page, "resume_run", first))
        n_before = len(first.progress())
        until(lambda: len(first.progress()) > n_before)
        page.context.close()
    assert first.state == "interrupted" and first.checkpoint() is not None


def finished_at_once(page: Page, run: Run) -> None:
    show(page, run)
    click(icon(page, "stop_run", run))
    click(button(page, "Finish now"), timeout=LONG_MS)
    expect(page.get_by_text(re.compile("^Stopped")).first).to_be_visible(timeout=LONG_MS)
    assert run.state == "finished"
    assert run.summary()["scoring_left"] and "optical_flow" in run.summary()["left_out"]


def more_training(page: Page, run: Run) -> None:
    click(page.get_by_test_id("stButtonGroup").get_by_text("epochs", exact=True))
    number(page, "epochs", 1)
    click(button(page, "Train further"))
    until(lambda: run.extensions() == [{"epochs": 1}] and run.holder() is None)
    expect(page.get_by_text("Finished.")).to_be_visible(timeout=LONG_MS)
    assert run.state == "finished"


def cloned_and_compared(page: Page, workspace: Path, source: Run) -> Run:
    """With a batch that is too big, the one that fits instead, and another number of epochs."""
    choose(page, source)
    click(button(page, "Clone with changes"))
    expect(page.get_by_text("The form has every choice of Once")).to_be_visible()
    ready = page.locator(".st-key-ready")
    number(page, "Batch size", 4096)
    fits = ready.get_by_role("button", name=re.compile("Use a batch of"))
    expect(fits).to_be_in_viewport(ratio=1)
    expect(button(ready, "Train")).to_have_count(0)
    n_fit = int(fits.inner_text().split()[-1])
    click(fits)
    expect(fits).to_have_count(0)
    number(page, "Epochs", 2)
    page.get_by_role("textbox", name="Name of the run").fill("Twice")
    page.keyboard.press("Enter")
    click(button(ready, "Train"))
    expect(page.get_by_text("Finished.")).to_be_visible(timeout=LONG_MS)
    (clone,) = (run for run in RunStore(workspace).runs() if run.id != source.id)
    until(lambda: clone.holder() is None)  # it is shown before it has been looked back on
    assert clone.record.title == "Twice" and clone.state == "finished"
    assert clone.record.settings == {**source.record.settings, "batch_size": n_fit, "epochs": 2}
    go(page, "Runs")
    choose(page, clone)
    expect(page.get_by_text("What differs between these 2 runs")).to_be_visible()
    choose(page, source)  # once more: not any longer
    expect(page.get_by_text("What differs between these 2 runs")).to_have_count(0)
    return clone


def taken_along_and_back(page: Page, run: Run, tmp_path: Path) -> None:
    """Exported, deleted, brought back, deleted again, and brought in from the ZIP."""
    click(button(page, "Export"))
    size = page.get_by_text(re.compile("^At most .* Import it"))
    alone = size.inner_text()
    click(page.get_by_text("With its series"))
    expect(size).not_to_have_text(alone)
    drawn(page)  # the button of the page before saves nothing any more
    with page.expect_download() as saved:
        click(button(page, "Save as one ZIP"))
    saved.value.save_as(tmp_path / "run.zip")
    click(button(page, "Export"))  # folds it; a click beside it would fold it, too, and do nothing else
    expect(button(page, "Save as one ZIP")).to_have_count(0)
    for last in (False, True):
        click(button(page, "Delete"))
        click(button(page.get_by_role("dialog"), "Delete"))
        undo = button(page, re.compile("Undo: bring back Twice"))
        expect(undo).to_be_visible()
        assert not run.folder.exists()
        if not last:
            click(undo)
            expect(page.get_by_text("1 run is back.")).to_be_visible()
            assert run.state == "finished"
    importing = page.get_by_text("Import a run", exact=True)
    drawn(page)
    expect(importing).to_have_count(1)  # while the page is drawn anew it is there twice
    click(importing)
    page.locator("input[type=file]").set_input_files(tmp_path / "run.zip")
    expect(page.get_by_text("run.zip")).to_be_visible()
    click(button(page, "Import"))
    expect(page.get_by_text("Twice is here.")).to_be_in_viewport()
    assert run.state == "finished" and len(run.scores())


def cleaned_up(page: Page, run: Run) -> None:
    assert run.checkpoint() is not None
    click(button(page, "Clean up ..."))
    dialog = page.get_by_role("dialog")
    click(dialog.get_by_text(re.compile("Free these .*, too")))
    click(button(dialog, "Clean up"))
    expect(page.get_by_text("were freed.")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(button(page, re.compile("Undo"))).to_have_count(0)  # the trash is empty
    assert run.checkpoint() is None and run.state == "finished"


def tab(browser: Browser) -> Page:
    return patient(browser).new_page()


def go(page: Page, name: str) -> None:
    click(page.get_by_role("link", name=name, exact=True))
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def button(within: Page | Locator, name: str | re.Pattern[str]) -> Locator:
    return within.get_by_role("button", name=name, exact=isinstance(name, str))


def icon(page: Page, what: str, run: Run) -> Locator:
    return page.locator(f".st-key-{what}_{run.id} button").first  # while the queue is drawn anew it is there twice


def show(page: Page, run: Run) -> None:
    """By its icon in the queue, which is drawn anew every second; the buttons of the run shown before are gone afterwards."""
    click(icon(page, "show", run))
    expect(page).to_have_url(re.compile(rf"[?&]run={re.escape(run.id)}"))
    drawn(page)


def number(page: Page, label: str, wanted: int) -> None:
    drawn(page)
    field = page.get_by_role("spinbutton", name=label, exact=True)
    expect(field).to_have_count(1)
    field.fill(str(wanted))
    field.press("Enter")


def choose(page: Page, run: Run) -> None:
    """In the box below the table, by its name; one that is chosen is taken out."""
    chosen = page.get_by_test_id("stMultiSelect").filter(has_text="Chosen runs")
    tags = chosen.locator("[data-tag]:visible", has_text=run.record.title)
    if tags.count():
        tags.locator("button").click()
        expect(tags).to_have_count(0)
        return
    page.get_by_role("combobox", name="Chosen runs").fill(run.record.title)
    page.get_by_role("option", name=re.compile(re.escape(run.record.title))).last.click()
    expect(tags).to_have_count(1)
    page.keyboard.press("Escape")
