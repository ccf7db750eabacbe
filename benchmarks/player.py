"""How fast the player plays: 50 leads of three panels of 785 x 785 x 3, made, in this machine's Chromium.

    python -m benchmarks.player [FOLDER ...] [--frames 50] [--side 785] [--visits 1]

Each FOLDER holds a version of FrameCast, this one where none is named; with several, their first visits take turns, each with
a server just started. Prints seconds from the address to the first frame, by the page's own clock and as the driver of the
browser learns of it, after all that was received meanwhile was copied to it; megabytes received until nothing more comes;
frames shown a second at 60 asked for, once all has come and from the moment of the first frame on; and the processor time of a
frame, which others on the machine disturb less than the clock. Each visit is its own page load. No test may assert on these
numbers.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

from framecast.evaluation.scores import score
from framecast.runs.experiment import plan
from framecast.runs.filming import film_run
from framecast.runs.store import RunStore
from framecast.series.frames import Split
from framecast.series.store import SeriesStore

ROOT = Path(__file__).parents[1]
N_BEFORE = 20
PLAYED_S = 5.0
NOTE_FIRST_FRAME = """(() => {
    const roots = [];
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (options) {
        roots.push(attach.call(this, options));
        return roots.at(-1);
    };
    const look = () => {
        if (roots.some((root) => root.querySelector(".player[data-shown]"))) window.firstFrame = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()"""
PLAYED_AT_ONCE_S = 8
COUNT_FRAMES = """(player, milliseconds) => new Promise((done) => {
    let [frames, ticks, last] = [0, 0, player.dataset.shown];
    const began = performance.now();
    const look = () => {
        ticks++;
        if (player.dataset.shown !== last) [frames, last] = [frames + 1, player.dataset.shown];
        const spent = performance.now() - began;
        spent > milliseconds ? done([frames / spent * 1000, ticks / spent * 1000]) : requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--frames", type=int, default=50, help="leads")
    arguments.add_argument("--side", type=int, default=785, help="pixels of a side")
    arguments.add_argument("--visits", type=int, default=1, help="servers started, and first visits to each")
    arguments.add_argument("folders", nargs="*", type=Path, default=[ROOT], metavar="FOLDER")
    asked = arguments.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("No Chromium on this machine. Install it (Debian: apt-get install chromium), then run this again.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run_id = make_run(Path(folder), asked.frames, asked.side)
        for turn in range(asked.visits):
            for version in asked.folders:
                print(f"{version.resolve().name}, load {os.getloadavg()[0]:.1f}")
                with serving(Path(folder), version) as url:
                    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
                    page = browser.new_page(viewport={"width": 1280, "height": 900})
                    page.add_init_script(NOTE_FIRST_FRAME)
                    measure(page, f"{url}/compare?run={run_id}", play=turn == asked.visits - 1)
                    browser.close()


def make_run(workspace: Path, n_leads: int, side: int) -> str:
    """Waves that travel over a noisy ground, and a forecast that lags one frame behind them."""
    y, x = np.mgrid[:side, :side]
    ground = np.random.default_rng(0).normal(0, 4, (side, side, 3))

    def frame(t: int) -> np.ndarray:
        wave = 128 + 60 * np.sin((x + 2 * t) / 17) + 40 * np.cos((y - t) / 9 + x / 31)
        return np.clip(np.stack([wave, 0.8 * wave + 20, 255 - wave], -1) + np.roll(ground, 7 * t, 1), 0, 255).astype(np.uint8)

    frames = np.stack([frame(t) for t in range(N_BEFORE + n_leads)])
    stored = SeriesStore(workspace).add("made waves", frames)
    split = Split.of(len(frames), n_leads)
    series = SeriesStore(workspace).open(stored.digest)
    run = RunStore(workspace).create(plan(series, forecaster="convlstm", digest=stored.digest, device="cpu", split=split))
    forecast = frames[split.test.start - 1 : -1]
    run.write_forecast(forecast)
    forecasts = {"convlstm": forecast, "persistence": np.broadcast_to(frames[split.origin], forecast.shape)}
    metrics = ("ssim", "psnr", "mse", "mae")
    run.write_summary({})
    run.write_scores(
        curve
        for name, one in forecasts.items()
        for curve in score(name, one, frames[split.test.start :], origin=split.origin, data_range=255.0, metrics=metrics)
    )
    for _ in film_run(run, series):
        pass
    return run.id


@contextmanager
def serving(workspace: Path, version: Path) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
    environment = {**os.environ, "FRAMECAST_WORKSPACE": str(workspace)}
    server = subprocess.Popen(command, cwd=version, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def measure(page: Page, address: str, play: bool) -> None:
    received = [0]

    def count(content: str | bytes) -> None:
        received[0] += len(content)

    page.on("websocket", lambda websocket: websocket.on("framereceived", count))
    for visit in ("first", "next"):
        received[0], began, spent = 0, time.monotonic(), processor_seconds("")
        page.goto(address)
        player = page.locator(".player[data-shown]")
        player.wait_for(timeout=300_000)
        painted, spent = time.monotonic() - began, processor_seconds("") - spent
        in_page = page.evaluate("window.firstFrame") / 1000
        page.locator(".player[data-exact=true]").wait_for(timeout=300_000)
        exact = time.monotonic() - began
        before = -1
        while received[0] != before:
            before = received[0]
            page.wait_for_timeout(2000)
        first = f"first frame {in_page:.2f} s, {painted:.2f} s to the driver ({spent:.1f} s of processor)"
        print(f"{visit} visit: {first}, at rest exact {exact:.1f} s, received {received[0] / 1e6:.1f} MB")
    if not play:
        return
    play_at_60(page)
    for stage in ("first seconds", "then", "then", "then"):
        spent = processor_seconds("chrom")
        shown, ticks = player.evaluate(COUNT_FRAMES, PLAYED_S * 1000)
        cost = 1000 * (processor_seconds("chrom") - spent) / max(1.0, shown * PLAYED_S)
        load = f"load {os.getloadavg()[0]:.1f}"
        rate = f"{shown:.0f} frames a second of {ticks:.0f} that the browser drew"
        print(f"{stage}: {rate}, {cost:.0f} ms of processor a frame, {load}")
    page.goto(address)
    player.wait_for(timeout=300_000)
    play_at_60(page)
    rates = [player.evaluate(COUNT_FRAMES, 1000)[0] for _ in range(PLAYED_AT_ONCE_S)]
    print(f"played at the first frame, second by second: {', '.join(f'{rate:.0f}' for rate in rates)} frames")


def play_at_60(page: Page) -> None:
    player = page.locator(".player[data-shown]")
    player.get_by_label("Frames per second").select_option("60")
    player.focus()
    page.keyboard.press("Space")


def processor_seconds(named: str) -> float:
    """What this program's processes have used that have `named` in their command: the server and Chromium, or one of them."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if named in " ".join(process.cmdline()):
                total += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


if __name__ == "__main__":
    main()
