"""Seconds from a click to the change that it asks for, while a U-Net trains on the CPU: python -m benchmarks.responsiveness

Sixty clicks in this machine's Chromium, a quarter each: a forecaster's card on the Train page, a page in the bar at the top, a
view below the charts of Compare, and play or pause of the player. One server and one browser, first without training and then
while it trains. A click is counted in the browser, from the event until the page holds what was asked for and has drawn a
frame. No test may assert on these numbers.
"""

import argparse
import os
import re
import shutil
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Locator, Page, expect, sync_playwright

from benchmarks.player import make_run, serving
from framecast.runs.devices import n_threads_beside_server
from framecast.runs.experiment import plan
from framecast.runs.store import Run, RunStore
from framecast.series.store import SeriesStore
from framecast.training.pace import MOST_EPOCHS

N_LEADS, SIDE = 50, 192
STEADY_MS, PATIENCE_MS = 700, 120_000
"""Between two clicks, as a person looks first; and for one change."""
CLICKED = """(target, holds) => new Promise((done) => {
    const began = performance.now();
    target.click();
    const drawn = () => done(performance.now() - began);
    const look = () => requestAnimationFrame(eval(holds) ? drawn : look);
    look();
})"""
Kind = Callable[[Page, int], Iterator[float]]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--clicks", type=int, default=15, help="of each of the four kinds")
    asked = arguments.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium on this machine. Install it (Debian: apt-get install chromium), then run this again.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        finished = make_run(Path(folder), N_LEADS, SIDE)
        training = ready_unet(Path(folder), finished)
        with serving(Path(folder), Path(__file__).parents[1]) as url:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.set_default_timeout(PATIENCE_MS)
            expect.set_options(timeout=PATIENCE_MS)
            kinds = {
                "forecaster card": (f"{url}/train", cards),
                "page in the bar": (f"{url}/train", pages),
                "view of Compare": (f"{url}/compare?run={finished}", views),
                "play or pause": (f"{url}/compare?run={finished}", pauses),
            }
            clicked(page, kinds, 1)  # what the first of all waits for is imports
            tell("not training", clicked(page, kinds, asked.clicks))
            page.goto(f"{url}/train?run={training.id}")
            page.get_by_role("button", name="Resume", exact=True).click()
            expect(page.get_by_role("button", name=re.compile("Stop and keep the best"))).to_be_visible()
            while not training.progress():
                page.wait_for_timeout(1000)
            tell("a U-Net trains", clicked(page, kinds, asked.clicks))
            print(f"  it learned meanwhile: {len(training.progress())} lines of progress")
            browser.close()


def ready_unet(workspace: Path, finished: str) -> Run:
    """A U-Net on the series of the finished run, as the page would plan it; nobody has begun it."""
    digest = RunStore(workspace).open(finished).record.series
    series, threads = SeriesStore(workspace).open(digest), n_threads_beside_server()
    changes = {"epochs": MOST_EPOCHS, "minutes": 0}
    record = plan(series, forecaster="unet", digest=digest, device="cpu", changes=changes, n_threads=threads)
    return RunStore(workspace).create(record)


def clicked(page: Page, kinds: dict[str, tuple[str, Kind]], n_clicks: int) -> dict[str, list[float]]:
    found = {}
    for name, (address, kind) in kinds.items():
        page.goto(address)
        found[name] = list(kind(page, n_clicks))
    return found


def seconds(page: Page, target: Locator, holds: str) -> float:
    """From the click until the page holds it, an expression that may speak of the `target`."""
    target.wait_for()
    page.wait_for_timeout(STEADY_MS)
    return float(target.evaluate(CLICKED, holds)) / 1000


def cards(page: Page, n_clicks: int) -> Iterator[float]:
    networks = page.get_by_text("Networks: they learn how your frames move")
    networks.wait_for()  # the page is drawn from the top, and slowly while it trains
    page.wait_for_timeout(4 * STEADY_MS)
    if not page.locator(".st-key-card_convlstm").is_visible():  # unfolded already where a network is chosen
        networks.click()
    for index in range(n_clicks):
        where = f".st-key-card_{('convlstm', 'unet')[index % 2]}"
        button = page.locator(where).get_by_role("button", name="Choose", exact=True)
        yield seconds(page, button, f"document.querySelector('{where} button').innerText.trim() === 'Chosen'")


def pages(page: Page, n_clicks: int) -> Iterator[float]:
    for index in range(n_clicks):
        title = ("Series", "Train", "Runs", "Compare")[index % 4]
        link = page.get_by_role("link", name=title, exact=True)
        yield seconds(page, link, f"document.querySelector('h1')?.innerText.trim() === '{title}'")


def views(page: Page, n_clicks: int) -> Iterator[float]:
    there = "[...document.querySelectorAll('p')].some((one) => one.textContent.startsWith('Radially averaged'))"
    page.locator(".player[data-exact=true]").wait_for()
    for index in range(n_clicks):
        words, holds = (("Detail and errors of this lead", there), ("Skill scorecard", f"!{there}"))[index % 2]
        yield seconds(page, page.get_by_test_id("stButtonGroup").get_by_text(words, exact=True), holds)


def pauses(page: Page, n_clicks: int) -> Iterator[float]:
    page.locator(".player[data-exact=true]").wait_for()
    for index in range(n_clicks):
        after = ("Pause", "Play")[index % 2]
        yield seconds(page, page.locator(".player .play"), f"target.getAttribute('aria-label') === '{after}'")


def tell(when: str, found: dict[str, list[float]]) -> None:
    for name, each in [*found.items(), ("all", [one for some in found.values() for one in some])]:
        p95 = statistics.quantiles(each, n=20, method="inclusive")[-1]
        middle = statistics.median(each)
        print(f"{when}: {name}: median {middle:.2f} s, p95 {p95:.2f} s, longest {max(each):.2f} s of {len(each)}", flush=True)
    print(f"  load {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
