"""A tab that is closed while its files are still on their way: at the next visit of anyone memory and disk are as before."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, free_port, patient, wait_until_healthy
from tests.browser.test_large_upload import Watch

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_FILES, FILE_BYTES = 150, 2**20
SOME_BYTES = 30 * 2**20
LEFT_BYTES = 8 * 2**20
"""What the server may keep: a page that is drawn leaves a little."""

@pytest.fixture
def server(chromium: str, tmp_path: Path) -> Iterator[tuple[str, int, Path]]:
    """Address, process and workspace of an app of its own."""
    port, workspace, log = free_port(), tmp_path / "workspace", tmp_path / "server.log"
    with log.open("wb") as sink:
        environment = {**os.environ, "FRAMECAST_WORKSPACE": str(workspace)}
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}", process.pid, workspace
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()


def opened(browser: Browser, url: str) -> Page:
    page = patient(browser).new_page()
    page.goto(url)
    expect(page.locator("input[type=file]")).to_be_attached()
    expect(page.get_by_role("button", name="Use this series").first).to_be_visible()
    return page


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_tab_that_is_closed_in_the_middle_leaves_nothing(
    browser: Browser, server: tuple[str, int, Path], tmp_path: Path
) -> None:
    url, pid, workspace = server
    files = [tmp_path / f"frame{index}.png" for index in range(N_FILES)]
    for index, file in enumerate(files):
        file.write_bytes(bytes([index]) * FILE_BYTES)
    opened(browser, url).close()
    opened(browser, url).close()
    watch = Watch(pid)
    try:
        page = opened(browser, url)
        before = watch.now()
        page.locator("input[type=file]").set_input_files(files)
        for _ in range(600):
            if watch.now() - before > SOME_BYTES:
                break
            page.wait_for_timeout(100)
        arrived = watch.now() - before
        assert arrived > SOME_BYTES, "some of it has arrived"
        page.close()
        left = arrived
        for _ in range(20):
            opened(browser, url).close()
            left = watch.now() - before
            if left < LEFT_BYTES:
                break
    finally:
        watch.stop()
    print(f"arrived {arrived}, left {left}")
    assert left < LEFT_BYTES, f"{arrived} bytes had arrived, {left} are still there"
    assert not (workspace / "series").exists() or list((workspace / "series").iterdir()) == []
