"""The Series page with 400 frames of 785 x 785 x 3, in a browser: python -m benchmarks.series_page [ROOT ...]

Each ROOT is a checkout of FrameCast, the oldest first, this one by default; several are visited in turn on the same series, so
that "before" and "after" see the same machine. A visit is a server that was just started and a browser that was just opened.
Seconds count from the address being asked for: until the series is named, its first frame is drawn, and the page is at rest.
CPU seconds are what the server worked for that, which a busy machine changes least. Memory is what the server holds (RSS):
before the visit, at its highest (looked at ten times a second), and at rest.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright

FRAMES, SIDE = 400, 785
MIB = 2**20
BROWSER = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
MADE = ("health.json", "renditions.bin")
"""What a first visit leaves beside the series."""


def store_series(root: Path, workspace: Path) -> None:
    """Smooth colours that move, with a little noise, as a camera has. The checkout `root` stores them; a newer
    one reads what an older one wrote."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    noise = rng.normal(0, 2, (SIDE, SIDE, 3)).astype(np.float32)
    path = workspace / "frames.npy"
    frames = np.lib.format.open_memmap(path, "w+", np.uint8, (FRAMES, SIDE, SIDE, 3))
    for t in range(FRAMES):
        planes = [np.sin(x / 60 + t / 9 + c) * np.cos(y / (70 + 9 * c) - t / 13) for c in range(3)]
        frames[t] = np.clip(128 + 90 * np.stack(planes, axis=-1) + np.roll(noise, 17 * t, axis=0), 0, 255)
    frames.flush()
    command = [sys.executable, "-m", "framecast", "series", "add", path, "--name", "reference", "--workspace", workspace]
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)
    path.unlink()


@contextmanager
def server(root: Path, workspace: Path) -> Iterator[tuple[str, psutil.Process]]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"]
    environment = {**os.environ, "FRAMECAST_WORKSPACE": str(workspace)}
    process = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        yield url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


class Highest:
    """The highest memory of a process while the block runs."""

    def __init__(self, process: psutil.Process) -> None:
        self.process, self.bytes, self.over = process, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self) -> None:
        while not self.over.wait(0.1):
            self.bytes = max(self.bytes, self.process.memory_info().rss)

    def __enter__(self) -> "Highest":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()


def visit(page: Page, url: str) -> list[float]:
    started = time.perf_counter()
    page.goto(url)
    page.get_by_role("heading", name="reference", exact=True).wait_for(timeout=600_000)
    named = time.perf_counter() - started
    page.locator(".player canvas").first.wait_for(timeout=600_000)
    drawn = time.perf_counter() - started
    print(f"named after {named:.1f} s, drawn after {drawn:.1f} s", file=sys.stderr, flush=True)
    page.locator("[data-test-script-state=notRunning]").wait_for(timeout=600_000)
    return [named, drawn, time.perf_counter() - started]


def measured(root: Path, workspace: Path) -> list[float]:
    with server(root, workspace) as (url, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER)
        before, worked = process.memory_info().rss, sum(process.cpu_times()[:2])
        with Highest(process) as highest:
            times = visit(browser.new_page(), url)
        rest, worked = process.memory_info().rss, sum(process.cpu_times()[:2]) - worked
        browser.close()
    return [*times, worked, before / MIB, highest.bytes / MIB, rest / MIB]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", nargs="*", type=Path, default=[Path(__file__).parents[1]], metavar="ROOT")
    parser.add_argument("--visits", type=int, default=3)
    asked = parser.parse_args()
    rows: dict[tuple[Path, str], list[list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        store_series(asked.roots[0].resolve(), workspace)
        print("The series is stored.", file=sys.stderr, flush=True)
        for _ in range(asked.visits):
            for root in asked.roots:
                for path in (path for name in MADE for path in workspace.glob(f"series/*/{name}")):
                    path.unlink()
                for which in ("first visit", "next visit"):
                    rows.setdefault((root, which), []).append(measured(root.resolve(), workspace))
    columns = "checkout", "visit", "named s", "first frame s", "at rest s", "CPU s", "MiB before", "highest", "at rest"
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for (root, which), found in rows.items():
        medians = [statistics.median(column) for column in zip(*found, strict=True)]
        cells = [f"{one:.1f}" for one in medians[:4]] + [f"{one:.0f}" for one in medians[4:]]
        print(f"| {root} | {which} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
