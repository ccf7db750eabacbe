"""The reference series, 400 frames of 785 x 785 in colour, goes through a browser; the server's memory is watched meanwhile.

The server is one of its own, so that nothing else grows in it.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from framecast.series.store import SeriesStore
from tests.browser.conftest import ROOT, click, free_port, patient, wait_until_healthy

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_FRAMES, SIDE = 400, 785
MORE_BYTES = 150 * 10**6
"""What the server may take beside the upload itself."""


class Watch:
    """The highest memory of a process, looked at ten times a second. Pages of files that the system would drop when it needed
    room are not counted: a series is shown from a memory map."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self.highest = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def now(self) -> int:
        text = self._status.read_text()
        return 1024 * sum(int(found) for found in re.findall(r"Rss(?:Anon|Shmem):\s+(\d+)", text))

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            self.highest = max(self.highest, self.now())


@pytest.fixture
def server(chromium: str, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes], Path]]:
    """Address, process and workspace of an app of its own."""
    port, workspace, log = free_port(), tmp_path / "workspace", tmp_path / "server.log"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"]
    with log.open("wb") as sink:
        environment = {**os.environ, "FRAMECAST_WORKSPACE": str(workspace)}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}", process, workspace
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()


def frames_in(folder: Path) -> int:
    """400 PNG whose pixels compress to about a third; the bytes they take together."""
    folder.mkdir()
    y, x = np.mgrid[:SIDE, :SIDE]
    noise = np.random.default_rng(0).integers(0, 8, (SIDE, SIDE, 3), dtype=np.uint8)
    for index in range(N_FRAMES):
        wave = (90 + 60 * np.sin((x + 4 * index) / 50) + 40 * np.cos(y / 70)).astype(np.uint8)
        frame = wave[..., None] + np.roll(noise, index, axis=0)
        Image.fromarray(frame).save(folder / f"frame{index}.png", compress_level=1)
    return sum(path.stat().st_size for path in folder.iterdir())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_the_reference_series_takes_its_own_size_and_gives_it_back(
    browser: Browser, server: tuple[str, subprocess.Popen[bytes], Path], tmp_path: Path
) -> None:
    url, process, workspace = server
    uploaded = frames_in(tmp_path / "frames")
    page = patient(browser).new_page()
    page.goto(url)
    page.locator("input[type=file]").set_input_files([])  # the page is there, and all that it needs is loaded
    click(page.get_by_role("button", name="Use this series").first)
    expect(page.get_by_text("is ready")).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    watch = Watch(process.pid)
    before = watch.now()
    page.locator("input[type=file]").set_input_files(sorted((tmp_path / "frames").iterdir()))
    expect(page.get_by_text(f"Stored frame: {N_FRAMES} frames.")).to_be_visible(timeout=900_000)
    expect(page.locator("canvas").first).to_be_visible()
    page.wait_for_timeout(2000)
    watch.stop()
    after = watch.now()
    page.close()
    told = f"before {before}, highest {watch.highest}, after {after}, uploaded {uploaded}"
    print(told)
    assert watch.highest - before < uploaded + MORE_BYTES, told
    assert after - before < MORE_BYTES, told
    store = SeriesStore(workspace)
    assert store.info("frame").shape == (N_FRAMES, SIDE, SIDE, 3)
    first = np.asarray(Image.open(tmp_path / "frames" / "frame0.png"))
    assert np.array_equal(store.open("frame").frames[0], first)
    assert [path for path in (workspace / "series").iterdir() if path.name.startswith(".")] == []
