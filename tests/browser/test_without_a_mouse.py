"""The Compare page by keyboard alone, and every file that it gives, taken through its button and opened by its own library."""

import csv
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from scipy.io import loadmat

from framecast.export import KINDS
from framecast.runs.experiment import carry_out, plan
from framecast.runs.store import Run, RunStore
from framecast.series.frames import Split
from framecast.series.store import SeriesStore
from tests.browser.conftest import drawn

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HORIZON, HEIGHT, WIDTH = 5, 25, 31
FOCUSED = """() => {
    let found = document.activeElement;
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
    if (found === document.body) return "nothing";  // whose text would be all that is on the page
    const label = found?.getAttribute("aria-label") || found?.labels?.[0]?.innerText || found?.innerText || "";
    return `${found?.tagName} ${label}`.replaceAll("\\n", " ").trim();
}"""
MOST_TABS = 150
WAIT_MS = 120_000
"""For a file to come, as for all else that a busy machine is waited for; Playwright alone would give up after 30 s."""


@pytest.fixture(scope="module")
def run(server_workspace: Path) -> Run:
    store = SeriesStore(server_workspace)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    frames = np.stack([120 + 60 * np.sin((x + 2 * t) / 4) + 30 * np.cos((y - t) / 3) for t in range(18)])
    colours = np.stack([frames, frames[:, ::-1], frames / 2], -1).round().astype(np.uint8)
    stored = store.add("odd waves", colours)
    series = store.open(stored.digest)
    split = Split.of(len(colours), HORIZON)
    record = plan(series, forecaster="damped", digest=stored.digest, device="cpu", split=split)
    made = RunStore(server_workspace).create(record)
    for _ in carry_out(record, series, made):
        pass
    return made


@pytest.fixture(autouse=True)
def nothing_is_complained_of(complaints: list[str]) -> Iterator[None]:
    yield
    assert not complaints


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    seen = []
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        seen.append(str(page.evaluate(FOCUSED)))
        if re.search(name, seen[-1]):
            return
    pytest.fail(f"Tab never came to {name}, but to {seen}")


def test_keys_alone_play_step_switch_pin_and_take_away(page: Page, app_url: str, run: Run) -> None:
    page.goto(f"{app_url}/compare?run={run.id}")
    player = page.locator(".player[data-shown]")
    expect(player).to_have_attribute("data-exact", "true")
    expect(page.get_by_text("Take it away")).to_be_visible()
    keys = page.keyboard
    tab_to(page, "Frame player")
    keys.press("ArrowRight")
    expect(player).to_have_attribute("data-shown", "2")
    keys.press("Space")
    expect(player).to_have_class(re.compile("playing"))
    keys.press("Space")
    expect(player).not_to_have_class(re.compile("playing"))
    keys.press("End")
    expect(player).to_have_attribute("data-shown", str(HORIZON))
    for key, mode in (("s", "swipe"), ("b", "blink"), ("d", "difference")):
        keys.press(key)
        expect(player).to_have_attribute("data-mode", mode)
    tab_to(page, "Side by side")
    keys.press("Enter")
    expect(player).to_have_attribute("data-mode", "side")
    tab_to(page, "Scale, history, pixel and keys")
    keys.press("Enter")
    tab_to(page, "Pixel x")
    keys.type("7")
    tab_to(page, "Pixel y")
    keys.type("9")
    tab_to(page, "^BUTTON Pin$")
    keys.press("Enter")
    expect(page.get_by_text("x 7, y 9").last).to_be_visible()
    tab_to(page, "Take it away")
    keys.press("Enter")
    saving = f"{KINDS['scores'].title} ({KINDS['scores'].suffix})"
    expect(page.get_by_role("button", name=saving, exact=True)).to_be_visible()
    drawn(page)  # the button of a page before saves nothing any more
    tab_to(page, f"^BUTTON {re.escape(saving)}")
    with page.expect_download(timeout=WAIT_MS) as caught:
        keys.press("Enter")
    assert caught.value.suggested_filename == f"scores_{run.id}.csv"


def opened_image(content: bytes) -> None:
    Image.open(io.BytesIO(content)).load()


def opened_film(content: bytes) -> None:
    with av.open(io.BytesIO(content)) as film:
        frames = [frame for frame in film.decode(video=0)]
    assert len(frames) == HORIZON and frames[0].width % 2 == 0


def opened_zip(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        assert pictures and archive.testzip() is None
        opened_image(archive.read(pictures[0]))


def opened_npz(content: bytes) -> None:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        assert arrays["forecast"].shape == (HORIZON, HEIGHT, WIDTH, 3)


def opened_mat(content: bytes) -> None:
    found = loadmat(io.BytesIO(content))
    assert found["forecast"].shape == (HEIGHT, WIDTH, 3, HORIZON)


def opened_text(content: bytes) -> None:
    assert re.match(rb"\s*(<!doctype html|<\?xml|<svg)", content, re.IGNORECASE), content[:80]


def opened_pdf(content: bytes) -> None:
    assert content.startswith(b"%PDF") and content.rstrip().endswith(b"%%EOF")


OPENED: dict[str, Callable[[bytes], None]] = {
    ".png": opened_image, ".gif": opened_image, ".webp": opened_image, ".mp4": opened_film, ".zip": opened_zip,
    ".npz": opened_npz, ".mat": opened_mat, ".html": opened_text, ".svg": opened_text, ".pdf": opened_pdf,
}  # fmt: skip


def test_every_button_gives_a_file_that_its_library_opens(page: Page, app_url: str, run: Run, tmp_path: Path) -> None:
    page.goto(f"{app_url}/compare?run={run.id}")
    page.get_by_text("Take it away").click()
    for name, kind in KINDS.items():
        drawn(page)
        with page.expect_download(timeout=WAIT_MS) as caught:
            page.get_by_role("button", name=f"{kind.title} ({kind.suffix})", exact=True).click()
        path = tmp_path / caught.value.suggested_filename
        caught.value.save_as(path)
        assert path.name == f"{name}_{run.id}{kind.suffix}"
        if kind.suffix == ".csv":
            assert {row["forecaster"] for row in csv.DictReader(io.StringIO(path.read_text()))} >= {"damped", "persistence"}
        else:
            OPENED[kind.suffix](path.read_bytes())
