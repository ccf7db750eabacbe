"""The real app on a free port, and a real browser before it.

The server is its own process with a workspace of its own, started the way `make run` starts it. The browser is the
machine's Chromium; without one these tests are skipped, but where CI is set they fail, so that a green run has seen them.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect, sync_playwright

from framecast.runs.store import RunStore

from .waiting import until

ROOT = Path(__file__).parents[2]
START_S = 180
STREAMLIT_LOOKS_FOR_ITSELF = re.compile(r"/\w+/_stcore/(health|host-config)$")
"""Opened at /train, the browser's side of Streamlit tries the page's own path before the root; the 404 is expected."""
PATIENCE_MS = 120_000
"""The first page that needs torch waits for its import, on a machine that may be busy."""
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM_ARGS = [
    "--no-sandbox",  # needed as root, as in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",  # else it looks for hosts of its own at every start
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found:
        return found
    sentence = "No Chromium on this machine. Install it (Debian: apt-get install chromium) to run the browser tests."
    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def server_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server under test keeps its series and runs; its log lies beside it, in server.log."""
    return tmp_path_factory.mktemp("server") / "workspace"


@pytest.fixture(scope="session")
def app_url(chromium: str, server_workspace: Path) -> Iterator[str]:
    """Address of a running app. Asks for `chromium` so that no server starts where no browser can look at it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), "--server.headless", "true"]
    environment = {**os.environ, "FRAMECAST_WORKSPACE": str(server_workspace)}
    log = server_workspace.with_name("server.log")
    with log.open("wb") as sink:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=sink, stderr=subprocess.STDOUT)
        try:
            wait_until_healthy(url, server, log)
            yield url
        finally:
            server.terminate()
            try:
                server.wait(60)
            finally:
                server.kill()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_healthy(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers; fail with its log if it ends first or takes longer than START_S."""
    give_up = time.monotonic() + START_S
    while time.monotonic() < give_up and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"The app did not start.\n{log.read_text()}")


def tracebacks(said: str) -> list[str]:
    """Those in what a server said, but for what the web server says of a tab that was closed while it still sent."""
    return [one for one in said.split("Traceback (most recent call last):")[1:] if "WebSocketDisconnected" not in one]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the page's console called an error, and exceptions that nobody caught, in the order of their coming."""
    return []


@pytest.fixture
def server_at_rest(app_url: str, server_workspace: Path) -> None:
    """Nothing is at work that a test before has left: a run is shown as finished as soon as it is scored, and a new tab shows
    the run that is still looked back on."""
    until(lambda: all(run.holder() is None for run in RunStore(server_workspace).runs()), patience_s=900)


@pytest.fixture
def page(browser: Browser, app_url: str, server_at_rest: None, complaints: list[str]) -> Iterator[Page]:
    """The app in a new tab, open on its first page."""
    context = patient(browser)
    page = context.new_page()

    def on_console(message: ConsoleMessage) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not STREAMLIT_LOOKS_FOR_ITSELF.search(url):
            complaints.append(f"{message.text} ({url})")

    page.on("console", on_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(app_url)
    yield page
    context.close()


def patient(browser: Browser, *, height: int = 900, offline: bool = False) -> BrowserContext:
    """A context of its own whose pages wait as long for a click or a download as `expect` does for a sight."""
    context = browser.new_context(viewport={"width": 1280, "height": height}, offline=offline)
    context.set_default_timeout(PATIENCE_MS)
    return context


def drawn(page: Page) -> None:
    """Wait until the page stands: what an earlier run of the page drew stays on it, beside what replaces it, until that run
    ends, so that a field may be there twice and a chart may be drawn again."""
    page.wait_for_function("document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'")


def click(found: Locator, timeout: float = PATIENCE_MS) -> None:
    """Once the page stands: what moves between the press of the mouse and its release is not clicked on, and above it boxes
    come and go."""
    drawn(found.page)
    found.click(timeout=timeout)
