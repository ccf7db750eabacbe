"""The Series page: frames come in, are shown, renamed and deleted; what cannot be used is one sentence."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from framecast.runs.record import RunRecord
from framecast.runs.store import Run
from framecast.series.store import SeriesStore, StoredSeries

from .conftest import Open, live, moving_blob, texts


def png(frame: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG")
    return buffer.getvalue()


def upload(app: AppTest, files: list[tuple[str, bytes, str]]) -> AppTest:
    app.file_uploader[0].set_value(files)
    return app.run()


def test_pictures_in_any_order_become_a_series_in_natural_order(open_page: Open, workspace: Path) -> None:
    frames = moving_blob(12)
    order = np.random.default_rng(0).permutation(12)
    app = upload(open_page("series"), [(f"frame{index}.png", png(frames[index]), "image/png") for index in order])
    assert not app.exception
    assert "12 frames" in app.success[0].value
    stored = SeriesStore(workspace).list()[0]
    assert np.array_equal(SeriesStore(workspace).open(stored.digest).frames, frames)
    assert [metric.value for metric in app.metric[:4]] == ["12", "20 × 16", "3 (colour)", "uint8"]
    assert not app.file_uploader[0].value


def test_a_unit_is_shown_as_the_file_has_it(open_page: Open, workspace: Path) -> None:
    SeriesStore(workspace).add("speeds", moving_blob(6), units="m_s*2$")
    app = open_page("series")
    (seen,) = [metric.value for metric in app.metric if metric.label == "Values seen"]
    assert not app.exception and seen.endswith(r" m\_s\*2\$")


def test_a_zip_becomes_a_series(open_page: Open, workspace: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for index, frame in enumerate(moving_blob(5)):
            archive.writestr(f"{index}.png", png(frame))
    app = upload(open_page("series"), [("frames.zip", buffer.getvalue(), "application/zip")])
    assert not app.exception
    assert SeriesStore(workspace).list()[0].n_frames == 5


@pytest.mark.parametrize(
    "files",
    [
        [("notes.png", b"this is a text", "image/png")],
        [("empty.zip", b"PK\x05\x06" + bytes(18), "application/zip")],
        [("one.png", png(moving_blob(1)[0]), "image/png")],
    ],
    ids=["text", "empty zip", "one frame"],
)
def test_what_cannot_be_used_is_one_sentence_and_the_page_goes_on(
    files: list[tuple[str, bytes, str]], open_page: Open, workspace: Path
) -> None:
    app = upload(open_page("series"), files)
    assert not app.exception
    assert len(app.error) == 1 and app.error[0].value
    assert SeriesStore(workspace).list() == []
    good = upload(app, [(f"{index}.png", png(frame), "image/png") for index, frame in enumerate(moving_blob(3))])
    assert not good.exception and not good.error
    assert SeriesStore(workspace).list()[0].n_frames == 3


def test_a_sample_is_one_click_away(open_page: Open, workspace: Path) -> None:
    app = open_page("series")
    app.button(key="sample_moving_blob").click().run()
    assert not app.exception
    assert [stored.name for stored in SeriesStore(workspace).list()] == ["Moving blob"]
    assert app.subheader[1].value == "Add a series"


def test_a_small_part_of_the_range_is_stretched_and_said(open_page: Open, workspace: Path) -> None:
    SeriesStore(workspace).add("faint", (91 + moving_blob(5) // 5).astype(np.uint8))
    assert "shown from 91 to 131" in texts(open_page("series"))


def test_names_are_shown_as_they_stand(open_page: Open, stored: StoredSeries) -> None:
    assert "moving \\*blob\\*" in texts(open_page("series"))


def test_rename(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    app = open_page("series")
    app.button(key="rename").click().run()
    app.text_input(key="new_name").set_value("fish tank")
    app.button(key="rename_save").click().run()
    assert not app.exception
    assert SeriesStore(workspace).info(stored.digest).name == "fish tank"


def test_delete_asks_first(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    app = open_page("series")
    app.button(key="delete").click().run()
    assert len(SeriesStore(workspace).list()) == 1
    app.button(key="delete_yes").click().run()
    assert not app.exception
    assert SeriesStore(workspace).list() == []


def test_a_series_that_a_live_run_learns_from_is_not_deleted(
    open_page: Open, workspace: Path, stored: StoredSeries, record: RunRecord
) -> None:
    live(workspace, record)
    app = open_page("series")
    app.button(key="delete").click().run()
    assert not app.exception
    assert "Stop it first" in app.warning[0].value and "Persistence on" in app.warning[0].value
    assert "delete_yes" not in [button.key for button in app.button]


def test_deleting_says_how_many_runs_lose_their_truth(open_page: Open, finished: Run) -> None:
    app = open_page("series")
    app.button(key="delete").click().run()
    assert "**1 finished run** on it will lose its truth" in texts(app)


def test_the_series_list_chooses(open_page: Open, workspace: Path, stored: StoredSeries) -> None:
    other = SeriesStore(workspace).add("grey", moving_blob(30, channels=1))
    app = open_page("series")
    assert app.metric[0].value == "30"
    app.button(key=f"series_{stored.digest}").click().run()
    assert app.metric[0].value == "24"
    app.switch_page("pages/train.py").run()
    assert app.selectbox(key="chosen_series_box").value == stored.digest != other.digest
