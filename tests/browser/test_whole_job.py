"""The main job in a real browser: upload real frames, train a small ConvLSTM, read its SSIM off the Compare page.

And what only a real browser can tell: a run goes on when its page is reloaded, left or looked at from a second tab.
"""

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from framecast.runs.store import Run, RunStore
from framecast.samples import sample
from framecast.series.store import SeriesStore
from tests.browser.conftest import click, drawn, tracebacks

pytestmark = [pytest.mark.browser, pytest.mark.slow]

N_FRAMES, SHORT_SIDE = 40, 32
TRAINED_MS = 900_000


@pytest.fixture(autouse=True)
def nothing_went_wrong(complaints: list[str], server_workspace: Path) -> Iterator[None]:
    """No error in the browser's console and no traceback in the server's log, whatever else a test looks at."""
    yield
    assert complaints == []
    assert not tracebacks(server_workspace.with_name("server.log").read_text())


def test_upload_train_compare(page: Page, server_workspace: Path, tmp_path: Path) -> None:
    upload(page, zip_of_real_frames(tmp_path))
    start_convlstm(page, epochs=2)
    expect(page.get_by_text("Finished.")).to_be_visible(timeout=TRAINED_MS)
    run = run_in_address(page, server_workspace)
    assert run.state == "finished"
    assert run.record.series_name == "flower" and run.record.settings["epochs"] == 2

    page.get_by_role("link", name="Compare the forecast with the truth").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
    expect(page.locator("canvas:visible").first).to_be_visible()
    for lead in (1, 2):
        check_ssim(page, run, lead)
        page.get_by_role("slider").focus()
        page.keyboard.press("ArrowRight")


def test_a_run_outlives_its_page(page: Page, server_workspace: Path, tmp_path: Path) -> None:
    upload(page, zip_of_real_frames(tmp_path))
    start_convlstm(page, epochs=2000)
    stop = page.get_by_role("button", name="Stop and keep the best")
    expect(stop).to_be_visible()
    run = run_in_address(page, server_workspace)

    page.reload()
    expect(stop).to_be_visible()
    second_tab = page.context.new_page()
    second_tab.goto(page.url)
    stop_there = second_tab.get_by_role("button", name="Stop and keep the best")
    expect(stop_there).to_be_visible()
    page.get_by_role("link", name="Series", exact=True).click()
    expect(page.get_by_role("heading", name="flower", exact=True)).to_be_visible()
    page.get_by_role("link", name="Train", exact=True).click()
    expect(stop).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_in_viewport()

    click(stop_there)
    expect(second_tab.get_by_text("Stopped", exact=False).first).to_be_visible(timeout=TRAINED_MS)
    expect(page.get_by_text("Stopped", exact=False).first).to_be_visible(timeout=TRAINED_MS)
    assert run.state == "finished"
    assert run.summary()["stopped_early"]


def upload(page: Page, archive: Path) -> None:
    expect(page.get_by_role("heading", name="Series", exact=True)).to_be_visible()
    page.locator("input[type=file]").set_input_files(archive)
    said = re.compile(rf"(Stored|These frames are stored already, as) flower: {N_FRAMES} frames\.")
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_role("heading", name="flower", exact=True)).to_be_visible()


def start_convlstm(page: Page, epochs: int) -> None:
    page.get_by_role("link", name="Train", exact=True).click()
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    click(page.get_by_text("Networks: they learn how your frames move"))
    card = page.locator(".st-key-card_convlstm")
    click(card.get_by_role("button"))
    expect(card.get_by_role("button", name="Chosen")).to_be_visible()
    form = 'input[aria-label="Name of the run"][value="ConvLSTM on flower"]'
    expect(page.locator(form)).to_be_visible()  # the cards are drawn first, and the form in a run of the page after that
    drawn(page)
    field = page.get_by_label("Epochs", exact=True)
    expect(field).to_have_count(1)
    field.fill(str(epochs))
    field.press("Enter")
    click(page.get_by_role("button", name="Train", exact=True))
    expect(page).to_have_url(re.compile(r"[?&]run="))


def run_in_address(page: Page, workspace: Path) -> Run:
    (run_id,) = parse_qs(urlsplit(page.url).query)["run"]
    return RunStore(workspace).open(run_id)


def check_ssim(page: Page, run: Run, lead: int) -> None:
    """The page shows the SSIM of this lead that scores.csv holds, to the four digits that it shows."""
    shown = float(metric(page, f"SSIM at lead {lead}").inner_text())
    (curve,) = [one for one in run.scores() if (one.forecaster, one.metric) == ("convlstm", "ssim")]
    assert 0 <= shown <= 1
    assert abs(shown - curve.values[lead - 1]) <= 0.5e-4 + 1e-12


def metric(page: Page, label: str) -> Locator:
    """The value of the metric card with this label, once it is there."""
    card = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    expect(card).to_be_visible()
    return card.get_by_test_id("stMetricValue")


def zip_of_real_frames(folder: Path) -> Path:
    """flower.zip: the first frames of the bundled time-lapse of a flower, reduced, as PNG files."""
    store = SeriesStore(folder / "samples")
    frames = store.open(sample("flower_opening").load(store).digest).frames[:N_FRAMES]
    path = folder / "flower.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for index, frame in enumerate(frames):
            picture = Image.fromarray(frame.squeeze())
            scale = SHORT_SIDE / min(picture.size)
            png = BytesIO()
            picture.resize((round(picture.width * scale), round(picture.height * scale))).save(png, "png")
            archive.writestr(f"flower/frame{index}.png", png.getvalue())
    return path
